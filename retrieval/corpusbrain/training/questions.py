"""From questions whose pages are known to pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skerry.retrieval.corpusbrain.pretraining.pairs import Pair


@dataclass(frozen=True, slots=True)
class PageQuestion:
    """A question and the ids of the pages that answer it, the most important first."""

    query: str
    page_ids: tuple[str, ...]


def question_pairs(questions: Sequence[PageQuestion], numbers: Mapping[str, int]) -> list[Pair]:
    """The questions as pairs, in their order.

    Args:
        numbers: page id -> page number; other pages are left out, and questions without any of these.
    """
    return [
        Pair(question.query, pages)
        for question in questions
        if (pages := tuple(numbers[page] for page in question.page_ids if page in numbers))
    ]
