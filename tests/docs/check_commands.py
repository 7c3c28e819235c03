"""Whether a `skerry` command line of a document exists: its subcommands, its flags, the values of choices."""

from __future__ import annotations

import click

from skerry.services.cli.main import cli


def problem_of(arguments: list[str]) -> str:
    """What is wrong with `skerry ARGUMENTS`, or "". Nothing is run, no path has to exist."""
    command: click.Command = cli
    context = click.Context(cli, info_name="skerry")
    try:
        while True:
            values, rest, _ = command.make_parser(context).parse_args(list(arguments))
            if {"--help", "-h", "--version"} & set(arguments[:1]):
                return ""
            if problem := _problem_of_values(command, context, values):
                return problem
            if not isinstance(command, click.Group):
                return f"{context.command_path} takes no {rest[0]!r}" if rest else ""
            if not rest:
                return "" if command.invoke_without_command else f"{context.command_path} needs a command"
            found = command.get_command(context, rest[0])
            if found is None:
                return f"{context.command_path} has no command {rest[0]!r}"
            context = click.Context(found, info_name=rest[0], parent=context)
            command, arguments = found, rest[1:]
    except click.UsageError as error:
        return f"{context.command_path}: {error.format_message()}"


def _problem_of_values(command: click.Command, context: click.Context, values: dict[str, object]) -> str:
    for parameter in command.get_params(context):
        value = values.get(parameter.name or "")
        given = isinstance(value, (str, list, tuple)) and len(value) > 0
        if parameter.required and not given:
            return f"{context.command_path} needs {parameter.make_metavar(context)}"
        if not given or not isinstance(parameter.type, (click.Choice, click.types.IntParamType)):
            continue
        for single in [value] if isinstance(value, str) else value:
            parameter.type.convert(single, parameter, context)
    return ""
