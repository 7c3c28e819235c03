"""The measurements as tables: sizes by quality, beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from skerry.benchmarks.elastic.funnel import FunnelRow
from skerry.benchmarks.elastic.measure import KS, Cell, Measured
from skerry.benchmarks.elastic.run import Report
from skerry.evaluation.table import Row, ScoreTable


def tables(report: Report) -> Iterator[ScoreTable]:
    """The grid, the sizes beside the whole one, speed, the funnel, other sets."""
    where = f"{report.gold}: {report.questions:,} questions, {report.passages:,} passages"
    if report.vectors == "stretches":
        where += f", the best of their {report.encoders[0].rows:,} vectors"
    yield _grid(report, f"{where}: hit@5 by layers and dimensions", lambda cell: cell.hits[5])
    if report.encoders[0].cells[0].spearman is not None:
        yield _grid(
            report,
            "Sentence pairs: Spearman's correlation by layers and dimensions",
            lambda cell: cell.spearman or 0.0,
        )
    yield ScoreTable(
        f"{where}: hit@k, and the share of the same encoder's hit@5 at its whole size",
        [*(f"hit@{k}" for k in KS), "share"],
        [
            Row(
                f"{one.adapter}: {way.name}",
                {**{f"hit@{k}": hit for k, hit in way.hits.items()}, "share": way.share},
            )
            for one in report.encoders
            for way in one.ways
        ],
    )
    if report.speeds:
        yield _speed(report)
    yield from (_funnel(one) for one in report.encoders if one.funnel)
    yield from _others(report)


def _grid(report: Report, title: str, value: Callable[[Cell], float]) -> ScoreTable:
    """A row for each encoder at each number of layers, so that encoders stand one under the other."""
    rows = [
        Row(
            f"{layers} layers, {one.adapter}",
            {str(size): value(one.cell(layers, size)) for size in report.grid.dimensions},
        )
        for layers in report.grid.layers
        for one in report.encoders
    ]
    return ScoreTable(title, [str(size) for size in report.grid.dimensions], rows)


def _speed(report: Report) -> ScoreTable:
    names = ("passages/s", "times faster", "ms a question", "times faster alone")
    rows = [
        Row(
            f"{one.layers} layers",
            dict(
                zip(
                    names,
                    (one.passages_a_second, one.faster, one.question_ms, one.question_faster),
                    strict=True,
                )
            ),
        )
        for one in report.speeds
    ]
    return ScoreTable(
        f"{report.model}, {report.dtype}, {report.processors} processors: encoding, beside the whole encoder",
        names,
        rows,
    )


def _funnel(encoder: Measured) -> ScoreTable:
    """The ways that no other beats in both recall and operations."""
    best = [
        row
        for row in encoder.funnel
        if not any(
            (other.recall, other.fewer) != (row.recall, row.fewer)
            and other.recall >= row.recall
            and other.fewer >= row.fewer
            for other in encoder.funnel
        )
    ]
    rows = [
        Row(_composition(row), {"recall": row.recall, "times fewer": row.fewer, "ms": row.milliseconds})
        for row in sorted(best, key=lambda row: row.fewer)
    ]
    return ScoreTable(
        f"{encoder.adapter}: recall of the 10 that a flat search finds, times fewer multiply-adds, "
        "ms a question; ways that no other beats in both",
        ["recall", "times fewer", "ms"],
        rows,
    )


def _composition(row: FunnelRow) -> str:
    parts = [row.kind, f"{row.dimensions} dimensions"]
    parts += [f"shortlist {row.shortlist}"] if row.shortlist else []
    parts += [f"ef_search {row.ef_search}"] if row.ef_search else []
    return ", ".join(parts)


def _others(report: Report) -> Iterator[ScoreTable]:
    first, *further = report.encoders
    for name, base in first.others.items():
        rows = [Row(one.adapter, one.others[name]) for one in report.encoders]
        for one in further:
            change = {metric: value - base[metric] for metric, value in one.others[name].items()}
            rows.append(Row(f"{one.adapter} - {first.adapter}", change))
        yield ScoreTable(f"{name}: the whole size", list(base), rows)
