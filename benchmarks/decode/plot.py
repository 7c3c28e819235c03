"""Time for a token by context, and what answers cost: a PNG file."""

from __future__ import annotations

from pathlib import Path

from skerry.benchmarks.decode.run import Report
from skerry.benchmarks.pictures import check_matplotlib, save


def plot(report: Report, out: Path) -> None:
    """Draw both; `BackendUnavailable` where matplotlib is missing or nothing can be written."""
    check_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    by_context, by_cost = figure.subplots(1, 2)
    names = list(dict.fromkeys(one.method for one in report.speeds))
    for number, name in enumerate(names):
        of_method = [one for one in report.speeds if one.method == name]
        lengths, times = [one.context for one in of_method], [one.median for one in of_method]
        by_context.plot(lengths, times, marker="o", color=f"C{number}", label=name)
    by_context.set(xlabel="tokens in the cache", ylabel="milliseconds a token, median", yscale="log")
    fastest = {one.method: one.median for one in report.speeds}
    for number, name in enumerate(names):
        for one in report.answers:
            if one.method == name:
                by_cost.errorbar(
                    fastest[name], 100 * one.change, 100 * one.error, marker="o", color=f"C{number}"
                )
                by_cost.annotate(name, (fastest[name], 100 * one.change), (4, 4), textcoords="offset points")
    by_cost.set(
        xlabel="milliseconds a token at the longest context", ylabel="change in NLL of gold answers, %"
    )
    for axes in (by_context, by_cost):
        axes.grid(alpha=0.3)
    by_context.legend(fontsize="small")
    figure.suptitle(f"{report.model}, {report.dtype}, {report.threads} threads")
    save(figure, out)
