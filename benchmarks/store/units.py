"""Questions with the passages that they are answered from; no two questions share a passage."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from skerry.core.errors import InvalidInput
from skerry.evaluation.gold import Record
from skerry.evaluation.paragraph import gold_places
from skerry.generation.base import Source
from skerry.retrieval.corpus.readers.kilt import KiltReader
from skerry.retrieval.corpus.records import Page


@dataclass(frozen=True, slots=True)
class Unit:
    """One question, and neighbouring paragraphs, one of which answers it."""

    question: str
    sources: tuple[Source, ...]


def draw_units(
    knowledge: Path, questions: Sequence[Record], passages: int, wanted: int, seed: int
) -> list[Unit]:
    """`wanted` units of `passages` paragraphs each, in a drawn order.

    Args:
        knowledge: KILT's pages.

    Raises:
        InvalidInput: the pages and questions have fewer.
    """
    by_place: dict[tuple[str, int], str] = {}
    for record in questions:
        for page, paragraph in gold_places(record)[0]:
            if paragraph is not None:
                by_place.setdefault((page, paragraph), record.input)
    units = [unit for page in KiltReader(knowledge) for unit in _units(page, by_place, passages)]
    if len(units) < wanted:
        raise InvalidInput(
            f"{wanted:,} questions are needed; {len(units):,} runs of {passages} paragraphs have one.",
            hint="Ask fewer questions, or give a gold file with more.",
        )
    random.Random(seed).shuffle(units)
    return units[:wanted]


def _units(page: Page, by_place: dict[tuple[str, int], str], passages: int) -> Iterator[Unit]:
    numbers = [number for number, text in enumerate(page.paragraphs) if number and text.strip()]
    for start in range(0, len(numbers) - passages + 1, passages):
        run = numbers[start : start + passages]
        asked = [by_place[page.id, number] for number in run if (page.id, number) in by_place]
        if asked:
            sources = (Source(f"{page.id}#{n}", page.title, page.paragraphs[n]) for n in run)
            yield Unit(asked[0], tuple(sources))
