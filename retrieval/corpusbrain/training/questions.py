"""From questions whose pages are known to pairs, with the corpus rehearsed so that no page is forgotten."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skerry.retrieval.corpusbrain.pretraining.pairs import Pair


@dataclass(frozen=True, slots=True)
class PageQuestion:
    """A question and the ids of the pages that answer it, the most important first."""

    query: str
    page_ids: tuple[str, ...]


def question_pairs(
    questions: Sequence[PageQuestion],
    numbers: Mapping[str, int],
    corpus: Sequence[Pair],
    rehearsal: float,
    seed: int,
) -> list[Pair]:
    """The questions as pairs and, for each of them, `rehearsal` pairs of the corpus.

    Questions are about some pages, corpora about all: without the corpus's own pairs the model would learn
    that only pages with questions are ever asked for.

    Args:
        numbers: page id -> page number; a question none of whose pages is among them is left out.
        corpus: pre-training pairs; those drawn do not repeat while there are enough.
    """
    asked = [
        Pair(question.query, pages)
        for question in questions
        if (pages := tuple(numbers[page] for page in question.page_ids if page in numbers))
    ]
    drawn = random.Random(seed).sample(corpus, min(len(corpus), round(rehearsal * len(asked))))
    return asked + drawn
