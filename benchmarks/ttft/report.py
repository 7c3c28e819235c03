"""What was measured, as tables and as JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from skerry.benchmarks.ttft.measure import Loss, Time
from skerry.evaluation.table import Row, ScoreTable

_TIMES = {
    "tokens": ("tokens", ",.0f"),
    "seconds": ("s to the first token", ".3f"),
    "faster": ("times faster", ".1f"),
}
_LOSSES = {
    "questions": ("questions", ".0f"),
    "full": ("NLL, full", ".4f"),
    "spliced": ("NLL, spliced", ".4f"),
    "change": ("change, %", "+.2f"),
}


@dataclass(frozen=True, slots=True)
class Report:
    """Times, and losses of the same modes."""

    model: str
    dtype: str
    processors: int
    times: Sequence[Time]
    losses: Sequence[Loss]

    def tables(self) -> list[ScoreTable]:
        """One of each that was measured."""
        about = f"{self.model}, {self.dtype}, processors: {self.processors}"
        tables = []
        if self.times:
            rows = [
                Row(
                    _name(one), {_TIMES[key][0]: value for key, value in asdict(one).items() if key in _TIMES}
                )
                for one in self.times
            ]
            tables.append(_table(f"Time to the first token; {about}", rows, _TIMES))
        if self.losses:
            rows = [
                Row(
                    f"{one.passages} passages, {one.way}",
                    {
                        _LOSSES["questions"][0]: one.questions,
                        _LOSSES["full"][0]: one.full,
                        _LOSSES["spliced"][0]: one.spliced,
                        _LOSSES["change"][0]: 100 * one.change,
                    },
                )
                for one in self.losses
            ]
            tables.append(_table("Gold answers' negative log-likelihood a token, all kept", rows, _LOSSES))
        return tables

    def json(self) -> dict[str, Any]:
        """All figures."""
        return {
            "model": self.model,
            "dtype": self.dtype,
            "processors": self.processors,
            "times": [asdict(one) for one in self.times],
            "losses": [{**asdict(one), "change": one.change} for one in self.losses],
        }


def _name(one: Time) -> str:
    kept = "" if one.way == "transformers" else f", {one.share:.0%} kept"
    return f"{one.passages} passages, {one.way}{kept}"


def _table(title: str, rows: list[Row], columns: dict[str, tuple[str, str]]) -> ScoreTable:
    return ScoreTable(title, [name for name, _ in columns.values()], rows, dict(columns.values()))
