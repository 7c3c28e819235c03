"""The `skerry` command: groups are imported only when they are called, so that `--help` is quick."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from skerry import __version__
from skerry.core.errors import InvalidInput, NotFound, SkerryError

_COMMANDS = {
    "answer": ("skerry.services.cli.answer:answer", "Answer a question from an index or a running service."),
    "bench": ("skerry.services.cli.bench:bench", "Measure single parts: speed, memory, quality."),
    "config": ("skerry.services.cli.config:config", "Show the settings and where each came from."),
    "demo": ("skerry.services.cli.demo:demo", "Index, serve and ask a real corpus, nothing to set up."),
    "doctor": ("skerry.services.cli.doctor:doctor", "Say what this installation has and what is missing."),
    "eval": ("skerry.services.cli.eval:evaluate", "Run a question set, or score a prediction file."),
    "index": ("skerry.services.cli.index:index", "Build, inspect and verify an index."),
    "models": ("skerry.services.cli.models:models", "List and fetch the models."),
    "quote": ("skerry.services.cli.quote:quote", "Say which words of a text stand in an index, and where."),
    "retrieve": ("skerry.services.cli.retrieve:retrieve", "Find passages in an index or a running service."),
    "serve": ("skerry.services.cli.serve:serve", "Start the gRPC services."),
    "train": ("skerry.services.cli.train:train", "Train a ranker or a retriever."),
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry[0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="skerry")
def cli() -> None:
    """Skerry: retrieval and question answering over gRPC.

    Data goes to stdout, everything else to stderr. Exit status: 0 done, 1 failed, 2 wrong usage.
    """


def main() -> None:
    """Run the command line; one of our errors becomes one line on stderr, never a traceback."""
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)
    except (InvalidInput, NotFound) as error:
        print(f"skerry: {error}", file=sys.stderr)
        sys.exit(2)
    except SkerryError as error:
        print(f"skerry: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
