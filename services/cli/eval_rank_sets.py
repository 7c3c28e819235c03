"""`skerry eval rank-sets`: what `skerry eval rank` found on several question sets, in one table."""

from __future__ import annotations

import json
from pathlib import Path

import click

from skerry.core.errors import InvalidInput


@click.command("rank-sets")
@click.argument("reports", nargs=-1, required=True, metavar="[NAME=]FILE...")
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def rank_sets(reports: tuple[str, ...], markdown: bool, as_json: bool) -> None:
    """Put comparisons of rankers on several question sets side by side.

    Each FILE is one that `skerry eval rank --out FILE` wrote, and is called NAME, or as the file is. A star
    marks a difference from the set's first stage that is hardly chance (p < 0.05).
    """
    from skerry.evaluation.rank.side_by_side import read_report, side_by_side
    from skerry.services.cli.eval import print_table

    found = {}
    for report in reports:
        name, _, file = report.rpartition("=")
        path = Path(file)
        name = name or path.stem
        if name in found:
            raise InvalidInput(f"Two comparisons are called {name}.", hint="Give names: NAME=FILE.")
        found[name] = read_report(path)
    table = side_by_side(found)
    if as_json:
        click.echo(json.dumps(table.json(), indent=2))
    else:
        print_table(table, markdown)
