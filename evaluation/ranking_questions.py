"""KILT gold lines to the questions that rankers are trained on: evidence as ordinals of an index."""

from __future__ import annotations

from collections.abc import Sequence

from skerry.evaluation.gold import Record
from skerry.evaluation.paragraph import place_of
from skerry.ranking.training.examples import Question
from skerry.retrieval.corpus.records import Passage
from skerry.retrieval.corpus.store import PassageStore


def ranking_questions(records: Sequence[Record], passages: PassageStore) -> list[Question]:
    """The questions whose first evidence paragraph stands in the index; the others are left out.

    Relevant are all passages that share a paragraph with the evidence; the positive is the one of them where
    the evidence starts.
    """
    of_page: dict[str, list[Passage]] = {}
    questions = []
    for record in records:
        evidence = [item for output in record.outputs for item in output.provenance or ()]
        places = [place for item in evidence if (place := place_of(item, record.where)) is not None]
        if not places or places[0].first is None or places[0].last is None:
            continue
        page, first, last = places[0].page, places[0].first, places[0].last
        if page not in of_page:
            of_page[page] = passages.get_many(passages.page_ordinals([page]))
        relevant = [
            p for p in of_page[page] if p.span.start_paragraph <= last and p.span.end_paragraph >= first
        ]
        if not relevant:
            continue
        start = (first, int(evidence[0].get("start_character") or 0))
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
