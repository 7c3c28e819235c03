"""Long passages of neighbouring paragraphs: one that holds the answer, and distractors of other pages."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skerry.benchmarks.questions import spread_evenly
from skerry.core.errors import InvalidInput
from skerry.evaluation.gold import Record
from skerry.evaluation.paragraph import gold_places
from skerry.generation.base import Source
from skerry.retrieval.corpus.readers.kilt import KiltReader
from skerry.retrieval.corpus.records import Page

POOL = 32
"""Distractors that the questions share, so that each has to be read only once."""
_SPARE = 2


@dataclass(frozen=True, slots=True)
class Case:
    """A question, its answer, the passage that holds it, and distractors: the first ones are taken."""

    question: str
    answer: str
    gold: Source
    distractors: tuple[Source, ...]

    def sources(self, count: int) -> tuple[Source, ...]:
        """The passage with the answer, then `count` - 1 distractors."""
        return (self.gold, *self.distractors[: count - 1])


def make_cases(
    knowledge: Path,
    questions: Sequence[Record],
    limit: int,
    tokens: int,
    count_tokens: Callable[[str], int],
) -> list[Case]:
    """Cases of questions that are spread evenly over the file; the same ones every time.

    Args:
        knowledge: KILT's pages.
        limit: cases at most.
        tokens: of a passage at most, by `count_tokens`; neighbours are joined as long as they fit.

    Raises:
        InvalidInput: no question with an answer and a gold paragraph of the pages; fewer than 2 pages.
    """
    pages = {page.id: page for page in KiltReader(knowledge)}
    pool = _pool(pages, tokens, count_tokens)
    cases = []
    for number, question in enumerate(spread_evenly(questions, min(len(questions), _SPARE * limit))):
        case = _case(question, pages, pool, number, tokens, count_tokens)
        if case is not None:
            cases.append(case)
    if not cases:
        raise InvalidInput("No question has an answer in a paragraph of these pages.", hint="Check --gold.")
    return spread_evenly(cases, limit)


def _case(
    question: Record,
    pages: Mapping[str, Page],
    pool: Mapping[str, Source],
    number: int,
    tokens: int,
    count_tokens: Callable[[str], int],
) -> Case | None:
    answers = [output.answer for output in question.outputs if output.answer]
    places = [place for place in gold_places(question)[0] if place[1] is not None and place[0] in pages]
    if not answers or not places:
        return None
    page, paragraph = places[0]
    assert paragraph is not None
    gold = _window(pages[page], paragraph, tokens, count_tokens)
    others = [source for other, source in pool.items() if other != page]
    return Case(question.input, answers[0], gold, tuple(random.Random(number).sample(others, len(others))))


def _pool(pages: Mapping[str, Page], tokens: int, count_tokens: Callable[[str], int]) -> dict[str, Source]:
    """By page, a passage from the middle of it."""
    chosen = spread_evenly(sorted(pages), POOL)
    if len(chosen) < 2:
        raise InvalidInput("The knowledge source has fewer than two pages.", hint="Check --knowledge.")
    return {
        page: _window(pages[page], len(pages[page].paragraphs) // 2, tokens, count_tokens) for page in chosen
    }


def _window(page: Page, paragraph: int, tokens: int, count_tokens: Callable[[str], int]) -> Source:
    """The paragraph and its neighbours, nearest first, as many as fit."""
    texts = page.paragraphs
    first, last = paragraph, paragraph + 1
    used = count_tokens(texts[paragraph])
    while True:
        before = count_tokens(texts[first - 1]) if first > 1 else tokens + 1
        after = count_tokens(texts[last]) if last < len(texts) else tokens + 1
        if used + min(before, after) > tokens:
            break
        if before < after:
            first, used = first - 1, used + before
        else:
            last, used = last + 1, used + after
    text = "\n".join(part for part in texts[first:last] if part.strip())
    return Source(f"{page.id}#{first}-{last - 1}", page.title, text)
