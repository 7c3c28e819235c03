"""The measurements as tables."""

from __future__ import annotations

from collections.abc import Iterator

from skerry.benchmarks.decode.run import Cost, Report
from skerry.evaluation.table import Row, ScoreTable


def tables(report: Report) -> Iterator[ScoreTable]:
    """Speed by context, answers, questions through the selectors, RULER."""
    lengths = sorted({one.context for one in report.speeds})
    names = list(dict.fromkeys(one.method for one in report.speeds))
    if lengths:
        where = f"{report.model}, {report.dtype}, {report.threads} threads"
        yield ScoreTable(
            f"{where}: milliseconds a token by context, median",
            [f"{length:,}" for length in lengths],
            [
                Row(name, {f"{one.context:,}": one.median for one in report.speeds if one.method == name})
                for name in names
            ],
            {f"{length:,}": ".1f" for length in lengths},
        )
        yield ScoreTable(
            f"{where}: times as fast as transformers, token by token, median",
            [f"{length:,}" for length in lengths],
            [
                Row(name, {f"{one.context:,}": one.faster for one in report.speeds if one.method == name})
                for name in names
            ],
            {f"{length:,}": ".2f" for length in lengths},
        )
        longest = lengths[-1]
        yield ScoreTable(
            f"{where}: milliseconds at {longest:,} tokens, and -log p of the text that was decoded",
            ["first token", "later, median", "later, mean", "nats a token"],
            [
                Row(
                    one.method,
                    {
                        "first token": one.first,
                        "later, median": one.median,
                        "later, mean": one.mean,
                        "nats a token": one.nats,
                    },
                )
                for one in report.speeds
                if one.context == longest
            ],
            {"first token": ".0f", "later, median": ".1f", "later, mean": ".1f"},
        )
    if report.answers:
        yield _costs(f"gold answers on contexts of {report.size:,} tokens", report.answers)
    if report.through:
        yield _costs(
            f"the same, the questions read through the selectors too, {report.size:,} tokens", report.through
        )
    for length in sorted({one.length for one in report.ruler}):
        tasks = list(dict.fromkeys(one.task for one in report.ruler if one.length == length))
        rows: dict[str, dict[str, float]] = {}
        prompts = 0
        for one in report.ruler:
            if one.length == length:
                prompts = max(prompts, one.prompts)
                row = rows.setdefault(one.method, {})
                row[one.task] = one.share
                row[f"{one.task} NLL %"] = 100 * one.change
        columns = [name for task in tasks for name in (task, f"{task} NLL %")]
        yield ScoreTable(
            f"RULER at {length:,} tokens, {prompts} prompts a task: share found, change in NLL",
            columns,
            [Row(name, row) for name, row in rows.items()],
            {name: "+.2f" for name in columns if name.endswith("%")},
        )


def _costs(title: str, costs: tuple[Cost, ...]) -> ScoreTable:
    return ScoreTable(
        f"{costs[0].questions} {title}",
        ["nats a token", "change %", "standard error"],
        [
            Row(
                one.method,
                {
                    "nats a token": one.nats,
                    "change %": 100 * one.change,
                    "standard error": 100 * one.error,
                },
            )
            for one in costs
        ],
        {"nats a token": ".4f", "change %": "+.2f", "standard error": ".2f"},
    )
