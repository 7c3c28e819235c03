"""The report as tables."""

from __future__ import annotations

from skerry.benchmarks.store.policies import HitRates
from skerry.benchmarks.store.run import Report
from skerry.evaluation.table import Row, ScoreTable

TIERS = ("memory", "redis", "disk")
_MB = 2**20
_COUNTS = ("hits", "stored", "refused", "evicted", "damaged", "failed", "passed_over")


def tables(report: Report) -> list[ScoreTable]:
    """The windows, what each tier did, memory; what the memory tier's rule is worth, where it is known."""
    found = [_windows(report), _tiers(report)]
    if report.plan.memory_bytes:
        found.append(_memory(report))
    if report.rates is not None:
        found.append(_policies(report.rates))
    return found


def _windows(report: Report) -> ScoreTable:
    plan, shares = report.plan, ("found", *TIERS, "tokens")
    slow, slowest = f"{plan.timed}, ms", "95 of 100 below"
    rows = [
        Row(
            f"{one.first:,}-{one.last:,}{', Redis killed' if one.first == report.stopped else ''}",
            {
                "found": one.found,
                **{tier: one.shares.get(tier, 0.0) for tier in TIERS},
                "tokens": one.reused,
                slow: 1e3 * one.median,
                slowest: 1e3 * one.slowest,
                "grown by, MB": one.resident / _MB,
                "failed": one.failed,
            },
        )
        for one in report.windows
    ]
    title = (
        f"{plan.questions:,} questions of {plan.passages} passages, {plan.asks}: {plan.novel:.0%} are asked"
        f" once, the others come among {plan.popular:,} by Zipf's law ({plan.exponent:g})"
    )
    formats = dict.fromkeys(shares, ".1%") | {
        slow: ",.1f",
        slowest: ",.1f",
        "grown by, MB": ",.0f",
        "failed": ".0f",
    }
    return ScoreTable(title, list(rows[0].metrics), rows, formats)


def _tiers(report: Report) -> ScoreTable:
    counts = report.counts
    rows = [Row(one.tier, {name: float(getattr(one, name)) for name in _COUNTS}) for one in counts.tiers]
    title = f"Values of the tiers; {counts.dropped:,} dropped before they were written"
    return ScoreTable(title, _COUNTS, rows, dict.fromkeys(_COUNTS, ",.0f"))


def _memory(report: Report) -> ScoreTable:
    budget = report.plan.memory_bytes
    columns = {"budget, MB": ",.0f", "grown by at most, MB": ",.0f", "of the budget": ".2f"}
    figures = (budget / _MB, report.resident / _MB, report.resident / budget)
    rows = [Row("resident set", dict(zip(columns, figures, strict=True)))]
    return ScoreTable("The process beside the memory tier's budget", list(columns), rows, columns)


def _policies(rates: HitRates) -> ScoreTable:
    column = "found"
    rows = [
        Row("by this store's rule", {column: rates.ours}),
        Row("if it kept what came last", {column: rates.recent}),
        Row("the best fixed set", {column: rates.fixed}),
    ]
    title = "A cache of the memory tier's budget, the stream's second half"
    return ScoreTable(title, [column], rows, {column: ".1%"})
