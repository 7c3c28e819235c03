"""Scores as a table: for a terminal, for Markdown, for a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table as RichTable


@dataclass(frozen=True, slots=True)
class Row:
    """One system's averages by metric.

    Attributes:
        intervals: (low, high) of some of them.
        starred: those that a star is shown behind.
    """

    name: str
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    starred: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Systems by metrics.

    Attributes:
        title: what was measured on what.
        columns: the metrics to show, in order; a row without one shows a dash. `json()` has all metrics.
        formats: how numbers of some columns are written; three decimals where nothing is said.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Row]
    formats: Mapping[str, str] = field(default_factory=dict)

    def rich(self) -> RichTable:
        """For `rich.console.Console.print`."""
        from rich import box
        from rich.table import Table as RichTable

        table = RichTable(title=self.title, box=box.SIMPLE_HEAD, title_justify="left")
        table.add_column("system")
        for column in self.columns:
            table.add_column(column, justify="right")
        for row in self.rows:
            table.add_row(row.name, *self._cells(row))
        return table

    def markdown(self) -> str:
        """A GitHub table, without the title, ending in a line break."""
        lines = [
            ["system", *self.columns],
            ["---", *("---:" for _ in self.columns)],
            *([row.name, *self._cells(row)] for row in self.rows),
        ]
        return "".join(
            f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines
        )

    def json(self) -> dict[str, Any]:
        """{title, systems: {name: {metrics, intervals}}}."""
        return {
            "title": self.title,
            "systems": {
                row.name: {
                    "metrics": dict(row.metrics),
                    "intervals": {name: list(bounds) for name, bounds in row.intervals.items()},
                }
                for row in self.rows
            },
        }

    def _cells(self, row: Row) -> list[str]:
        return [
            format(row.metrics[name], self.formats.get(name, ".3f")) + "*" * (name in row.starred)
            if name in row.metrics
            else "-"
            for name in self.columns
        ]
