"""Quality against cost, and the grid as a heat map: PNG files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from skerry.benchmarks.elastic.measure import Cell
from skerry.benchmarks.elastic.run import Report
from skerry.benchmarks.pictures import check_matplotlib, save
from skerry.core.files import naming_full_disk

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

QUALITY, GRID = "quality.png", "grid.png"


def plot(report: Report, out: Path) -> list[Path]:
    """Write `quality.png` and `grid.png` into the folder.

    Raises:
        BackendUnavailable: matplotlib is not installed, or the files cannot be written.
    """
    check_matplotlib("give --no-plots")
    with naming_full_disk(out):
        out.mkdir(parents=True, exist_ok=True)
    return [save(_quality(report), out / QUALITY), save(_heat(report), out / GRID)]


def _quality(report: Report) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    by_layers, by_dimensions = figure.subplots(1, 2, sharey=True)
    grid = report.grid
    times = {one.layers: 1 / one.faster for one in report.speeds}
    costs = [times.get(layers, layers / grid.depth) for layers in grid.layers]
    whole_width, whole_depth = grid.dimensions[-1], grid.layers[-1]
    for number, one in enumerate(report.encoders):
        for width, style in _lines(whole_width, grid.quarter, grid.dimensions):
            hits = [one.cell(layers, width).hits[5] for layers in grid.layers]
            label = f"{one.adapter}, {width} dimensions"
            by_layers.plot(costs, hits, style, marker="o", color=f"C{number}", label=label)
        for depth, style in _lines(whole_depth, grid.half, grid.layers):
            hits = [one.cell(depth, width).hits[5] for width in grid.dimensions]
            operations = [report.passages * width for width in grid.dimensions]
            label = f"{one.adapter}, {depth} layers"
            by_dimensions.plot(operations, hits, style, marker="o", color=f"C{number}", label=label)
    for layers, cost in zip(grid.layers, costs, strict=True):
        best = max(one.cell(layers, whole_width).hits[5] for one in report.encoders)
        by_layers.annotate(str(layers), (cost, best), (0, 6), textcoords="offset points", ha="center")
    for width in grid.dimensions:
        best = max(one.cell(whole_depth, width).hits[5] for one in report.encoders)
        by_dimensions.annotate(
            str(width), (report.passages * width, best), (0, 6), textcoords="offset points", ha="center"
        )
    unit = "time to encode a passage" if times else "layers"
    _label(by_layers, f"{unit}, whole encoder = 1 (points: layers)")
    by_dimensions.set_xscale("log")
    _label(by_dimensions, "multiply-adds a question, flat search (points: dimensions)")
    by_layers.set_ylabel("hit@5")
    figure.suptitle(
        f"{report.model} on {report.gold}: {report.questions:,} questions, {report.passages:,} passages"
    )
    return figure


def _lines(whole: int, part: int, values: tuple[int, ...]) -> list[tuple[int, str]]:
    return [(whole, "-"), *([(part, "--")] if part in values and part != whole else [])]


def _label(axes: Axes, cost: str) -> None:
    axes.set_xlabel(cost)
    axes.grid(alpha=0.3)
    axes.margins(y=0.1)
    axes.legend(loc="lower right", fontsize="small")


def _heat(report: Report) -> Figure:
    from matplotlib.figure import Figure

    values: list[tuple[str, Callable[[Cell], float]]] = [("hit@5", lambda cell: cell.hits[5])]
    if report.encoders[0].cells[0].spearman is not None:
        values.append(("Spearman", lambda cell: cell.spearman or 0.0))
    encoders, grid = report.encoders, report.grid
    size = (0.8 * len(grid.dimensions) * len(encoders) + 2.5, 0.5 * len(grid.layers) * len(values) + 2)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(values), len(encoders), squeeze=False)
    for row, (name, value) in enumerate(values):
        shown = [value(cell) for one in encoders for cell in one.cells]
        low, high = min(shown), max(shown)
        for column, one in enumerate(encoders):
            axes = panels[row, column]
            cells = [[value(one.cell(layers, width)) for width in grid.dimensions] for layers in grid.layers]
            image = axes.imshow(cells, vmin=low, vmax=high, aspect="auto", origin="lower")
            for y, line in enumerate(cells):
                for x, number in enumerate(line):
                    color = "black" if number > (low + high) / 2 else "white"
                    axes.text(x, y, f"{number:.3f}", ha="center", va="center", color=color, fontsize="small")
            axes.set_xticks(range(len(grid.dimensions)), [str(width) for width in grid.dimensions])
            axes.set_yticks(range(len(grid.layers)), [str(layers) for layers in grid.layers])
            axes.set_title(f"{one.adapter}: {name}")
            axes.set_xlabel("dimensions")
            axes.set_ylabel("layers")
        figure.colorbar(image, ax=panels[row, :].tolist())
    return figure
