"""Question sets for comparing rankers: which passages are relevant to a question, and how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from skerry.core.errors import InvalidInput
from skerry.evaluation.beir import Judgements
from skerry.evaluation.gold import Record
from skerry.evaluation.paragraph import Place, gold_places
from skerry.evaluation.rank.groups import connected
from skerry.ranking.training.examples import Question
from skerry.retrieval.corpus.store import PassageStore

_LEAST_ANSWER = 4
"""Characters: a shorter answer (yes, no, 12) stands in passages that do not answer the question."""


@dataclass(frozen=True, slots=True)
class RankQuestion:
    """A question with what is relevant to it.

    Attributes:
        gains: passage ordinal -> gain, above 0; empty where the index has nothing of the evidence.
        answers: short answers; a passage that contains one is no negative.
        group: questions of one group are never both learnt from and tested on.
        judgements: by page id, where pages are what was judged; empty where paragraphs are the evidence.
    """

    id: str
    query: str
    gains: Mapping[int, int]
    group: str
    answers: tuple[str, ...] = ()
    judgements: Judgements = field(default_factory=dict)

    def of(self, positive: int) -> Question:
        """What rankers are trained on, with one of the relevant passages, or -1 where none is meant."""
        return Question(self.query, self.answers, positive, frozenset(self.gains), self.group)


def kilt_questions(records: Sequence[Record], passages: PassageStore) -> list[RankQuestion]:
    """The questions that have evidence; every passage that covers a gold paragraph has the gain 1.

    Where the gold names pages only, it is every passage of those. Questions that share a page are a group.

    Raises:
        InvalidInput: none has evidence; or naming the line: a paragraph that is no whole number.
    """
    known = [(record, gold_places(record)[0]) for record in records if record.input.strip()]
    known = [(record, places) for record, places in known if places]
    if not known:
        raise InvalidInput(
            "None of the questions has evidence, so that nothing can be scored.",
            hint="Give a KILT gold file with provenance, or BEIR questions with their judgements.",
        )
    groups = connected([[page for page, _ in places] for _, places in known])
    return [
        RankQuestion(
            id=record.id,
            query=record.input,
            gains=_covering(places, passages),
            group=group,
            answers=tuple(
                {
                    output.answer
                    for output in record.outputs
                    if output.answer and len(output.answer) >= _LEAST_ANSWER
                }
            ),
        )
        for (record, places), group in zip(known, groups, strict=True)
    ]


def judged_questions(
    records: Sequence[Record], qrels: Mapping[str, Judgements], passages: PassageStore
) -> list[RankQuestion]:
    """Questions with judged pages; all passages of a page have its gain. Every question is its own group.

    Args:
        qrels: of each of the questions.
    """
    questions = []
    for record in records:
        judgements = qrels[record.id]
        gains = {
            int(ordinal): gain
            for page, gain in judgements.items()
            if gain > 0
            for ordinal in passages.page_ordinals([page])
        }
        questions.append(
            RankQuestion(record.id, record.input, gains, f"question {record.id}", judgements=judgements)
        )
    return questions


def _covering(places: Sequence[tuple[str, int | None]], passages: PassageStore) -> dict[int, int]:
    gains: dict[int, int] = {}
    by_page: dict[str, list[int | None]] = {}
    for page, paragraph in places:
        by_page.setdefault(page, []).append(paragraph)
    for page, paragraphs in by_page.items():
        for passage in passages.get_many(passages.page_ordinals([page])):
            place = Place(page, passage.span.start_paragraph, passage.span.end_paragraph)
            if any(map(place.covers, paragraphs)):
                gains[passage.ordinal] = 1
    return gains
