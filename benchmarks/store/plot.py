"""Hits, times and memory over a stream: a PNG file."""

from __future__ import annotations

from pathlib import Path

from skerry.benchmarks.pictures import check_matplotlib, save
from skerry.benchmarks.store.run import Report
from skerry.benchmarks.store.show import TIERS


def plot(report: Report, out: Path) -> None:
    """Draw the stream over its questions.

    Raises:
        BackendUnavailable: matplotlib is missing, or nothing can be written.
    """
    check_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6), layout="constrained")
    shares, times, grown = figure.subplots(1, 3)
    at = [window.last for window in report.windows]
    below = [0.0] * len(at)
    for tier in TIERS:
        share = [window.shares.get(tier, 0.0) for window in report.windows]
        shares.fill_between(
            at, below, [b + s for b, s in zip(below, share, strict=True)], label=tier, alpha=0.7
        )
        below = [b + s for b, s in zip(below, share, strict=True)]
    shares.set(xlabel="questions", ylabel="share of passages found", ylim=(0, 1))
    shares.legend(loc="lower right", fontsize=8)
    each = [1e3 * one.seconds for one in report.asked]
    times.plot(each, ".", color="grey", alpha=0.4, markersize=2, label="each question")
    times.plot(at, [1e3 * window.median for window in report.windows], marker="o", label="median")
    times.plot(at, [1e3 * window.slowest for window in report.windows], marker=".", label="95 of 100")
    times.set(xlabel="questions", ylabel=f"{report.plan.timed}, ms", ylim=(0, None))
    times.legend(fontsize=8)
    grown.plot(at, [window.resident / 2**20 for window in report.windows], marker="o", label="resident set")
    budget = report.plan.memory_bytes / 2**20
    grown.axhline(budget, linestyle=":", label="budget of the memory tier")
    grown.axhline(1.1 * budget, linestyle="--", color="grey", linewidth=1, label="and a tenth")
    grown.set(xlabel="questions", ylabel="MB more than at the start", ylim=(0, None))
    grown.legend(loc="lower right", fontsize=8)
    for axes in (shares, times):
        if report.stopped is not None:
            axes.axvline(report.stopped, color="grey", linestyle="--", linewidth=1)
    save(figure, out)
