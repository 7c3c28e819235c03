"""What was measured, as tables and as JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from skerry.benchmarks.ttft.measure import Loss, Time
from skerry.evaluation.table import Row, ScoreTable

_SAME = "first tokens as transformers"
_LOSSES = {
    "questions": ("questions", ".0f"),
    "full": ("NLL, full", ".4f"),
    "spliced": ("NLL, spliced", ".4f"),
    "change": ("change, %", "+.2f"),
}


@dataclass(frozen=True, slots=True)
class Report:
    """Times, and losses of the same modes; `peers` are those that stood beside, with their versions."""

    model: str
    dtype: str
    processors: int
    peers: Mapping[str, str]
    times: Sequence[Time]
    losses: Sequence[Loss]

    def tables(self) -> list[ScoreTable]:
        """One of each that was measured."""
        tables = []
        if self.times:
            tables.append(self._times())
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
            columns = dict(_LOSSES.values())
            title = "Gold answers' negative log-likelihood a token, all kept"
            tables.append(ScoreTable(title, list(columns), rows, columns))
        return tables

    def _times(self) -> ScoreTable:
        engines = ", ".join(f"{name} {version}" for name, version in self.peers.items())
        about = f"{self.model}, {self.dtype}, processors: {self.processors}; beside {engines}"
        columns = {"tokens": ",.0f", "s to the first token": ".3f"}
        columns |= {_faster(peer): ".1f" for peer in self.peers}
        if len(self.peers) > 1:
            columns[_SAME] = ".2f"
        rows = []
        for one in self.times:
            values: dict[str, float] = {"tokens": one.tokens, "s to the first token": one.seconds}
            values |= {_faster(peer): ratio for peer, ratio in one.faster.items()}
            if one.same is not None:
                values[_SAME] = one.same
            rows.append(Row(_name(one), values))
        return ScoreTable(f"Time to the first token; {about}", list(columns), rows, columns)

    def json(self) -> dict[str, Any]:
        """All figures."""
        return {
            "model": self.model,
            "dtype": self.dtype,
            "processors": self.processors,
            "peers": dict(self.peers),
            "times": [asdict(one) for one in self.times],
            "losses": [{**asdict(one), "change": one.change} for one in self.losses],
        }


def _name(one: Time) -> str:
    kept = "" if one.share is None else f", {one.share:.0%} kept"
    return f"{one.passages} passages, {one.way}{kept}"


def _faster(peer: str) -> str:
    return f"times as fast as {peer}"
