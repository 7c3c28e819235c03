"""Time to the first token against what is kept: a line a mode, a panel a number of passages; a PNG file."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

from skerry.benchmarks.pictures import check_matplotlib, save
from skerry.benchmarks.ttft.report import Report

_PEER_LINES = (":", "--", "-.")


def plot(report: Report, out: Path) -> None:
    """Draw the times; `BackendUnavailable` where matplotlib is missing or nothing can be written."""
    check_matplotlib()
    from matplotlib.figure import Figure

    counts = sorted({one.passages for one in report.times})
    figure = Figure(figsize=(4 * len(counts), 3.6), layout="constrained")
    styles = dict(zip(report.peers, cycle(_PEER_LINES), strict=False))
    panels = figure.subplots(1, len(counts), squeeze=False)[0]
    for panel, count in zip(panels, counts, strict=True):
        own = [one for one in report.times if one.passages == count]
        for way in dict.fromkeys(one.way for one in own):
            if way in report.peers:
                [seconds] = [one.seconds for one in own if one.way == way]
                panel.axhline(seconds, color="grey", linestyle=styles[way], label=way)
                continue
            points = sorted((one.share or 0.0, one.seconds) for one in own if one.way == way)
            panel.plot(*zip(*points, strict=True), marker="o", label=way)
        panel.set(xlabel="share of the passages kept", yscale="log", title=f"{count} passages")
    panels[0].set_ylabel("seconds to the first token")
    panels[-1].legend(fontsize=7)
    save(figure, out)
