"""Small passage stores made of titles and texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from skerry.retrieval.corpus.records import Passage, Span
from skerry.retrieval.corpus.store import PassageStore, PassageWriter

MakeStore: TypeAlias = Callable[..., PassageStore]


@pytest.fixture
def make_store(tmp_path_factory: pytest.TempPathFactory) -> MakeStore:
    """Makes a store of (title, texts of its passages) pages; ids are p0, p1, ..."""

    def make(*pages: tuple[str, Sequence[str]]) -> PassageStore:
        folder: Path = tmp_path_factory.mktemp("store")
        with PassageWriter(folder) as writer:
            for page, (title, texts) in enumerate(pages):
                for number, text in enumerate(texts):
                    writer.append(
                        Passage(0, f"p{page}#{number}", f"p{page}", title, "", text, Span(1, 0, 1, len(text)))
                    )
        return PassageStore.open(folder)

    return make
