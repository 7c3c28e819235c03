"""Training examples for rankers: a question, a passage that answers it, and hard negatives that do not."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from skerry.core.deadline import Deadline
from skerry.core.progress import Progress
from skerry.retrieval.base import LegRequest, RetrievalChain, RetrievalRequest

_BATCH = 64


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its gold evidence.

    Attributes:
        answers: short answers; a passage that contains one is never taken as a negative.
        positive: ordinal of the passage that holds the evidence.
        relevant: ordinals of all passages that count as evidence, the positive included.
        page_id: the page of the evidence, by which questions are held out.
    """

    query: str
    answers: tuple[str, ...]
    positive: int
    relevant: frozenset[int]
    page_id: str


@dataclass(frozen=True, slots=True)
class Example:
    """A question with the ordinals that retrieval found for it, best first.

    `negatives` are those that are neither relevant nor contain an answer.
    """

    question: Question
    candidates: tuple[int, ...]
    negatives: tuple[int, ...]


def split_by_page(
    questions: Sequence[Question], share: float, seed: int
) -> tuple[list[Question], list[Question]]:
    """Training and held-out questions; no page has both. `share` of the pages, at least one, is held out."""
    pages = sorted({question.page_id for question in questions})
    random.Random(seed).shuffle(pages)
    held_out = set(pages[: max(1, round(share * len(pages)))])
    return (
        [question for question in questions if question.page_id not in held_out],
        [question for question in questions if question.page_id in held_out],
    )


def mine(
    questions: Sequence[Question], chain: RetrievalChain, legs: Sequence[str], depth: int, progress: Progress
) -> Iterator[Example]:
    """What the legs, fused by RRF, find for each question: `depth` candidates, and the negatives in them."""
    requested = tuple(LegRequest(leg, limit=depth) for leg in legs)
    with progress.task("hard negatives", total=len(questions), unit="questions") as task:
        for start in range(0, len(questions), _BATCH):
            part = questions[start : start + _BATCH]
            results = chain.retrieve(
                [RetrievalRequest(question.query, requested, limit=depth) for question in part], Deadline()
            )
            for question, result in zip(part, results, strict=True):
                answers = [answer.casefold() for answer in question.answers]
                yield Example(
                    question,
                    tuple(hit.passage.ordinal for hit in result.hits),
                    tuple(
                        hit.passage.ordinal
                        for hit in result.hits
                        if hit.passage.ordinal not in question.relevant
                        and not any(answer in hit.passage.text.casefold() for answer in answers)
                    ),
                )
            task.advance(len(part))


def draw_negatives(example: Example, count: int, rng: random.Random) -> list[int] | None:
    """`count` negatives, two thirds of them from the ten hardest; None where there are not enough."""
    if len(example.negatives) < count:
        return None
    hardest = example.negatives[:10]
    drawn = rng.sample(hardest, min(len(hardest), count * 2 // 3))
    rest = [ordinal for ordinal in example.negatives if ordinal not in drawn]
    return drawn + rng.sample(rest, count - len(drawn))


def draw_mixed(
    example: Example, hard: int, anywhere: int, passages: int, rng: random.Random
) -> list[int] | None:
    """`hard` negatives as `draw_negatives` draws them, the likelier first, then `anywhere` of all passages.

    None where retrieval found too few, or where the corpus has too few of `passages`.
    """
    found = draw_negatives(example, hard, rng)
    if found is None or passages < anywhere + len(example.question.relevant) + hard:
        return None
    place = {ordinal: rank for rank, ordinal in enumerate(example.negatives)}
    found.sort(key=place.__getitem__)
    taken = example.question.relevant | set(found)
    drawn: dict[int, None] = {}
    while len(drawn) < anywhere:
        ordinal = rng.randrange(passages)
        if ordinal not in taken:
            drawn[ordinal] = None
    return [*found, *drawn]


def digest(drawn: Sequence[tuple[Example, list[int]]]) -> str:
    """Hex SHA-256 of examples with the negatives that were drawn for them: which training run it is."""
    lines = [
        f"{example.question.positive} {negatives} {example.question.query}\n" for example, negatives in drawn
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
