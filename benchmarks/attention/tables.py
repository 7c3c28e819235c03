"""The measurements as tables."""

from __future__ import annotations

import math
from collections.abc import Iterator

from skerry.benchmarks.attention.measure import Spot
from skerry.benchmarks.attention.run import Report
from skerry.evaluation.table import Row, ScoreTable


def tables(report: Report) -> Iterator[ScoreTable]:
    """How few pairs there need be, single layers by length, whole prompts."""
    where = f"{report.model}, {report.dtype}, {report.threads} threads"
    if report.fewest:
        columns = [f"{one.length:,}" for one in report.fewest]
        yield ScoreTable(
            f"{report.model}: the fewest pairs that hold {report.fewest[0].target:.0%} of the mass, of all",
            columns,
            [
                Row("single keys", {f"{one.length:,}": one.keys for one in report.fewest}),
                Row("blocks of 128", {f"{one.length:,}": one.blocks for one in report.fewest}),
            ],
        )
    for length in sorted({one.length for one in report.spots}):
        spots = [one for one in report.spots if one.length == length]
        formats = {
            "density": ".3f",
            "mass": ".3f",
            "mass, 1 in 20": ".3f",
            "error": ".3f",
            "plan ms": ".1f",
            "all ms": ".1f",
            "x SDPA": ".2f",
        }
        if not all(math.isnan(one.flex) for one in spots):
            formats["flex ms"] = ".1f"
        yield ScoreTable(
            f"{where}: attention at {length:,} tokens, a layer's mean over {report.layers} layers",
            list(formats),
            [_row(one, report.layers) for one in spots],
            formats,
        )
    for length in sorted({one.length for one in report.prefills}):
        yield ScoreTable(
            f"{where}: a prompt of {length:,} tokens through the model",
            ["seconds", "times as fast", "processor s", "nats a token", "change %", "divergence"],
            [
                Row(
                    one.name,
                    {
                        "seconds": one.seconds,
                        "times as fast": one.faster,
                        "processor s": one.processor,
                        "nats a token": one.nats,
                        "change %": 100 * one.change,
                        "divergence": one.divergence,
                    },
                )
                for one in report.prefills
                if one.length == length
            ],
            {
                "seconds": ".2f",
                "times as fast": ".2f",
                "processor s": ".1f",
                "change %": "+.2f",
                "divergence": ".4f",
            },
        )


def _row(one: Spot, layers: int) -> Row:
    """Without what the pattern does not have."""
    values = {
        "density": one.density,
        "mass": one.mass,
        "mass, 1 in 20": one.low,
        "error": one.error,
        "plan ms": 1e3 * one.plan / layers,
        "all ms": 1e3 * one.seconds / layers,
        "x SDPA": one.faster,
        "flex ms": 1e3 * one.flex / layers,
    }
    return Row(one.name, {name: value for name, value in values.items() if not math.isnan(value)})
