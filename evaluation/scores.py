"""The scores of a run's prediction files, question by question, as rows of one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from skerry.core.errors import InvalidInput
from skerry.evaluation import beir
from skerry.evaluation.answers import gold_answers
from skerry.evaluation.bootstrap import interval
from skerry.evaluation.evidence import ranked_keys
from skerry.evaluation.gold import Output, Record, read_records
from skerry.evaluation.kilt import PAGE, checked_ks, downstream_values, retrieval_values, the_output
from skerry.evaluation.paragraph import gold_places, paragraph_hits, place_of
from skerry.evaluation.table import Row, ScoreTable

DEFAULT_KS = (1, 5, 20, 100)

_ANSWER_COLUMNS = ("em", "f1", "rougel", "accuracy", "KILT-em", "KILT-f1")


def first_hit(question: Record, provenance: Sequence[Mapping[str, Any]]) -> int | None:
    """Rank, from 1, of the first passage on a gold paragraph (or page), 0 for none; None without gold."""
    golds, _ = gold_places(question)
    if not golds:
        return None
    places = (place_of(item, question.where) for item in provenance)
    ranks = paragraph_hits((place for place in places if place is not None), golds).ranks
    return min((rank for rank in ranks if rank is not None), default=0)


def kilt_table(
    title: str,
    questions: Sequence[Record],
    files: Mapping[str, Path],
    ks: Sequence[int] = DEFAULT_KS,
) -> ScoreTable:
    """Passage hits, page retrieval and, where there are answers, KILT's downstream scores of every system.

    hit@k: one of the first k passages covers a gold paragraph (a gold page where the gold has no paragraphs);
    MRR: of the first such passage; Rprec and recall@k: KILT's, by page. 95% intervals are of hit@k and em.

    Raises:
        InvalidInput: a gold question without an output; a file that does not hold the questions in order.
    """
    ks = checked_ks(ks)
    rows: list[Row] = []
    units: set[str] = set()
    for name, path in files.items():
        values = [_kilt_values(question, output, ks, units) for question, output in _pairs(questions, path)]
        rows.append(_row(name, values, ("hit@", "em")))
    columns = [*(f"hit@{k}" for k in ks), "MRR", "Rprec", *(f"recall@{k}" for k in ks if k > 1)]
    columns += [name for name in _ANSWER_COLUMNS if any(name in row.metrics for row in rows)]
    unit = "gold paragraph" if units == {"paragraph"} else "gold page" if units == {"page"} else "gold place"
    return ScoreTable(f"{title}: {len(questions):,} questions, hit@k by {unit}", columns, rows)


def beir_table(
    title: str,
    questions: Sequence[Record],
    qrels: Mapping[str, beir.Judgements],
    files: Mapping[str, Path],
    ks: Sequence[int] = beir.DEFAULT_KS,
) -> ScoreTable:
    """BEIR's metrics of every system; passages collapse to their pages, which are the documents.

    Raises:
        InvalidInput: a file that does not hold the questions in order.
    """
    ks = checked_ks(ks)
    rows = []
    for name, path in files.items():
        values = [
            beir.question_values(ranked_keys(output, PAGE), qrels[question.id], ks)
            for question, output in _pairs(questions, path)
        ]
        rows.append(_row(name, values, ("nDCG@",)))
    middle = 10 if 10 in ks else ks[-1]
    columns = [f"nDCG@{middle}", *(f"recall@{k}" for k in ks), f"MRR@{middle}", "MAP", f"P@{ks[0]}"]
    return ScoreTable(f"{title}: {len(questions):,} questions", list(dict.fromkeys(columns)), rows)


def _pairs(questions: Sequence[Record], path: Path) -> Iterator[tuple[Record, Output]]:
    """Each question with what the file predicts for it; read as a stream."""
    count = 0
    guesses = islice(read_records(path, kind="prediction"), len(questions))
    for question, guess in zip(questions, guesses, strict=False):
        if question.id != guess.id:
            raise InvalidInput(f"{guess.where}: the prediction is of {guess.id!r}, not of {question.id!r}.")
        count += 1
        yield question, the_output(guess)
    if count < len(questions):
        raise InvalidInput(
            f"{path} has {count} of {len(questions)} predictions.",
            hint="Run the same command again: it resumes.",
        )


def _kilt_values(question: Record, output: Output, ks: Sequence[int], units: set[str]) -> dict[str, float]:
    golds, unit = gold_places(question)
    if golds:
        units.add(unit)
    places = (place_of(item, question.where) for item in output.provenance or ())
    hits = paragraph_hits((place for place in places if place is not None), golds)
    values = {f"hit@{k}": hits.hit_at(k) for k in ks}
    values["MRR"] = hits.reciprocal_rank()
    values |= {f"paragraph recall@{k}": hits.recall_at(k) for k in ks}
    values |= retrieval_values(question, output, ks, PAGE)
    if output.answer is not None and gold_answers(question.outputs):
        values |= downstream_values(question, output)
        values["answered"] = float(bool(output.answer.strip()))
    return values


def _row(name: str, values: Sequence[Mapping[str, float]], sure: tuple[str, ...]) -> Row:
    """Averages over the questions; a metric that some questions lack is left out."""
    metrics = [metric for metric in values[0] if all(metric in row for row in values)]
    columns = {metric: [row[metric] for row in values] for metric in metrics}
    return Row(
        name,
        {metric: sum(column) / len(column) for metric, column in columns.items()},
        {metric: interval(column) for metric, column in columns.items() if metric.startswith(sure)},
    )
