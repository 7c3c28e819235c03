"""The texts that an engine indexes, in corpus order, counted as they are taken."""

from __future__ import annotations

from collections.abc import Iterator

from skerry.core.progress import Task
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.lexical.engine import LexicalSettings

_BLOCK = 1024


def indexed_texts(passages: PassageStore, settings: LexicalSettings, task: Task) -> Iterator[tuple[int, str]]:
    """Ordinal and text of every passage; `task` advances after each block of them."""
    for start in range(0, len(passages), _BLOCK):
        stop = min(start + _BLOCK, len(passages))
        for ordinal, fields in enumerate(passages.texts(start, stop), start):
            yield ordinal, settings.text(*fields)
        task.advance(stop - start)
