"""Recovered mass against density, and speed by length: a PNG file."""

from __future__ import annotations

from pathlib import Path

from skerry.benchmarks.attention.measure import DENSE, SDPA
from skerry.benchmarks.attention.run import Report
from skerry.benchmarks.pictures import check_matplotlib, save


def plot(report: Report, out: Path) -> None:
    """Draw both; `BackendUnavailable` where matplotlib is missing or nothing can be written."""
    check_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    by_density, by_length = figure.subplots(1, 2)
    lengths = sorted({one.length for one in report.spots})
    kinds = dict.fromkeys(one.name.split(",")[0] for one in report.spots if one.name not in (SDPA, DENSE))
    for number, kind in enumerate(kinds):
        of_kind = [one for one in report.spots if one.name.split(",")[0] == kind]
        longest = sorted((one.density, one.mass) for one in of_kind if one.length == lengths[-1])
        by_density.plot(
            [point[0] for point in longest],
            [point[1] for point in longest],
            marker="o",
            color=f"C{number}",
            label=kind,
        )
        best = [max(one.faster for one in of_kind if one.length == length) for length in lengths]
        by_length.plot(lengths, best, marker="o", color=f"C{number}", label=kind)
    dense = [
        one.faster for length in lengths for one in report.spots if (one.name, one.length) == (DENSE, length)
    ]
    by_length.plot(lengths, dense, "--", color="black", label=DENSE)
    by_density.axhline(0.95, color="grey", linewidth=0.8)
    by_density.set(
        xlabel=f"pairs attended to, of all, at {lengths[-1]:,} tokens", ylabel="recovered mass of the softmax"
    )
    by_length.set(
        xlabel="tokens", ylabel="times as fast as SDPA, sparsest setting", xscale="log", yscale="log"
    )
    by_length.set_xticks(lengths, [f"{length:,}" for length in lengths])
    for axes in (by_density, by_length):
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    figure.suptitle(f"{report.model}, {report.dtype}, {report.threads} threads")
    save(figure, out)
