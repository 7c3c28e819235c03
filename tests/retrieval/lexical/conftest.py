"""A small passage store of made-up passages."""

from __future__ import annotations

import random

import pytest

from skerry.retrieval.corpus.records import Passage, Span
from skerry.retrieval.corpus.store import PassageStore, PassageWriter

_WORDS = (  # noqa: SIM905
    "harbour lighthouse keeper storm lantern granite island ferry signal fog tide channel reef captain vessel"
    " rescue brass lens rotation mercury optics keeper's wind current chart sextant beacon oil lamp tower"
).split()


def passage(ordinal: int, title: str, section: str, text: str) -> Passage:
    page = f"p{ordinal}"
    return Passage(ordinal, f"{page}#0", page, title, section, text, Span(1, 0, 1, len(text)))


@pytest.fixture(scope="session")
def passages(tmp_path_factory: pytest.TempPathFactory) -> PassageStore:
    """400 passages of random words; 100 and 101 are the same but for their place, 200 is about owls."""
    rng = random.Random(7)
    folder = tmp_path_factory.mktemp("passages")
    with PassageWriter(folder) as writer:
        for ordinal in range(400):
            text = " ".join(rng.choices(_WORDS, k=rng.randint(5, 60)))
            title, section = f"Page {ordinal // 4}", "History" if ordinal % 2 else ""
            if ordinal in (100, 101):
                title, section, text = "Twins", "", "zebra crossing zebra"
            if ordinal == 200:
                title, section, text = (
                    "Owls",
                    "Hunting at night",
                    "Naïve façades AND (title: OR) x_y running.",
                )
            writer.append(passage(ordinal, title, section, text))
    return PassageStore.open(folder)
