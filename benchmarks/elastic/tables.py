"""The measurements as tables: sizes by quality, beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from skerry.benchmarks.elastic.measure import KS, Cell
from skerry.benchmarks.elastic.run import Report
from skerry.evaluation.table import Row, ScoreTable


def tables(report: Report) -> Iterator[ScoreTable]:
    """The grid, the sizes beside the whole one, speed, the funnel, other sets."""
    where = f"{report.gold}: {report.questions:,} questions, {report.passages:,} passages"
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
    for one in report.encoders:
        if one.funnel:
            rows = [
                Row(
                    f"{row.kind}, {row.dimensions} dimensions, shortlist {row.shortlist}, "
                    f"ef_search {row.ef_search}",
                    {"recall@10": row.recall, "times fewer": row.fewer, "ms": row.milliseconds},
                )
                for row in one.funnel
            ]
            yield ScoreTable(
                f"{one.adapter}: recall of the flat search's 10, times fewer multiply-adds, ms a question",
                ["recall@10", "times fewer", "ms"],
                rows,
            )
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


def _others(report: Report) -> Iterator[ScoreTable]:
    first, *further = report.encoders
    for name, base in first.others.items():
        rows = [Row(one.adapter, one.others[name]) for one in report.encoders]
        for one in further:
            change = {metric: value - base[metric] for metric, value in one.others[name].items()}
            rows.append(Row(f"{one.adapter} - {first.adapter}", change))
        yield ScoreTable(f"{name}: the whole size", list(base), rows)
