"""Passages and questions about them in the words that the small encoders know."""

from __future__ import annotations

import random

import pytest

from skerry.retrieval.corpus.records import Passage, Span
from skerry.retrieval.corpus.store import PassageStore, PassageWriter
from skerry.retrieval.embedding.training.examples import Example

from ..conftest import WORDS  # noqa: TID252 -- the room's words

COUNT = 12


def words_of(number: int) -> list[str]:
    return random.Random(number).sample(WORDS.split()[1:], 5)


@pytest.fixture(scope="session")
def passages(tmp_path_factory: pytest.TempPathFactory) -> PassageStore:
    """Twelve passages, one a page."""
    folder = tmp_path_factory.mktemp("passages") / "store"
    with PassageWriter(folder) as writer:
        for n in range(COUNT):
            text = " ".join(words_of(n))
            writer.append(Passage(n, f"p{n}#0", f"p{n}", "the reef", "", text, Span(1, 0, 1, len(text))))
    return PassageStore.open(folder)


@pytest.fixture(scope="session")
def examples() -> list[Example]:
    """Two questions a passage, each of three words of its."""
    return [
        Example(
            " ".join(words_of(n)[start : start + 3]),
            positive=n,
            relevant=frozenset({n}),
            negatives=((n + 1) % COUNT, (n + 5) % COUNT),
        )
        for n in range(COUNT)
        for start in (0, 2)
    ]
