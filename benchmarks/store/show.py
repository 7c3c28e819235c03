"""The report as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from skerry.benchmarks.store.run import Report

TIERS = ("memory", "redis", "disk")


def lines(report: Report, what: str) -> Iterator[str]:
    """`what` names the times: "get" or "first token"."""
    plan = report.plan
    yield (
        f"{plan.questions:,} questions of {plan.passages} passages: {plan.novel:.0%} are asked once, the"
        f" others come among {plan.popular:,} by Zipf's law ({plan.exponent:g})"
    )
    head = f"{'questions':>13} {'found':>7} " + " ".join(f"{tier:>7}" for tier in TIERS)
    yield f"{head} {what + ', ms':>15} {'95%':>8} {'grown, MB':>10} {'failed':>7}"
    for window in report.windows:
        if window.first == report.stopped:
            yield "              Redis is killed"
        shares = " ".join(f"{window.shares.get(tier, 0.0):>7.1%}" for tier in TIERS)
        yield (
            f"{window.first:>6}-{window.last:<6} {window.found:>7.1%} {shares} {1e3 * window.median:>15.1f}"
            f" {1e3 * window.slowest:>8.1f} {window.resident / 2**20:>10,.0f} {window.failed:>7}"
        )
    yield f"failed: {report.failed} of {plan.questions:,}"
    if plan.memory_bytes:
        yield (
            f"resident set: at most {report.resident / 2**20:,.0f} MB more than before the first question;"
            f" the memory tier's budget is {plan.memory_bytes / 2**20:,.0f} MB"
            f" ({report.resident / plan.memory_bytes:.2f} of it)"
        )
    if (rates := report.rates) is not None:
        yield (
            f"found in a cache of that budget, second half: {rates.ours:.1%} by this store's rule,"
            f" {rates.recent:.1%} if it kept what came last, {rates.fixed:.1%} with the best fixed set"
        )
    for tier in report.counts.tiers:
        yield (
            f"{tier.tier}: {tier.hits:,} found, {tier.stored:,} taken, {tier.refused:,} not taken,"
            f" {tier.evicted:,} let go, {tier.damaged} damaged, {tier.failed} calls failed,"
            f" {tier.passed_over:,} passed over"
        )
    if report.counts.dropped:
        yield f"dropped before they were written: {report.counts.dropped:,}"
