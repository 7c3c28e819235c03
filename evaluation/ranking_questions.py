"""KILT gold lines to the questions that rankers are trained on: evidence as ordinals of an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skerry.core.errors import InvalidInput
from skerry.evaluation.gold import Record
from skerry.evaluation.paragraph import place_of
from skerry.ranking.training.examples import Question
from skerry.retrieval.corpus.records import Passage
from skerry.retrieval.corpus.store import PassageStore


def ranking_questions(records: Sequence[Record], passages: PassageStore) -> list[Question]:
    """The questions whose first evidence paragraph stands in the index.

    The others, and blank questions, are left out.

    Relevant are all passages that share a paragraph with the evidence; the positive is the one of them where
    the evidence starts.

    Raises:
        InvalidInput: naming the line: a paragraph or a character that is no whole number.
    """
    of_page: dict[str, list[Passage]] = {}
    questions = []
    for record in records:
        evidence = [item for output in record.outputs for item in output.provenance or ()]
        found = [(place, item) for item in evidence if (place := place_of(item, record.where)) is not None]
        if not record.input.strip() or not found:
            continue
        place, item = found[0]
        page, first, last = place.page, place.first, place.last
        if first is None or last is None:
            continue
        if page not in of_page:
            of_page[page] = passages.get_many(passages.page_ordinals([page]))
        relevant = [
            p for p in of_page[page] if p.span.start_paragraph <= last and p.span.end_paragraph >= first
        ]
        if not relevant:
            continue
        start = (first, _start_character(item, record.where))
        positive = next(
            (p for p in relevant if start < (p.span.end_paragraph, p.span.end_character)), relevant[-1]
        )
        questions.append(
            Question(
                query=record.input,
                answers=tuple({output.answer for output in record.outputs if output.answer}),
                positive=positive.ordinal,
                relevant=frozenset(p.ordinal for p in relevant),
                page_id=page,
            )
        )
    return questions


def _start_character(provenance: Mapping[str, Any], where: str) -> int:
    start = provenance.get("start_character")
    try:
        return int(start or 0)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{where}: the start character {start!r} is no whole number.") from error
