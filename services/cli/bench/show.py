"""What a benchmark found, on standard output: as JSON, as Markdown, or as tables for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

import click

if TYPE_CHECKING:
    from skerry.evaluation.table import ScoreTable

_WIDTH = 160


class Report(Protocol):
    """All that was measured."""

    def json(self) -> dict[str, Any]:
        """All figures."""
        ...


def show_report(report: Report, tables: Iterable[ScoreTable], as_json: bool, markdown: bool) -> None:
    """Print the report, or its tables with their titles; as wide as a terminal, else 160 characters."""
    if as_json:
        click.echo(json.dumps(report.json()))
    elif markdown:
        click.echo("\n".join(f"{table.title}\n\n{table.markdown()}" for table in tables), nl=False)
    else:
        from rich.console import Console

        console = Console(width=None if sys.stdout.isatty() else _WIDTH)
        for table in tables:
            console.print(table.rich())


def show_table(table: ScoreTable, as_json: bool, markdown: bool) -> None:
    """Print the only table there is; as Markdown without its title."""
    if as_json:
        click.echo(json.dumps(table.json()))
    elif markdown:
        click.echo(table.markdown(), nl=False)
    else:
        from rich.console import Console

        Console(width=_WIDTH).print(table.rich())
