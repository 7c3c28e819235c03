"""How rare words are in the passages of an index."""

from __future__ import annotations

from collections.abc import Iterator

from skerry.core.progress import Progress
from skerry.ranking.features.idf import Idf, count_idf
from skerry.ranking.features.vectors import WordVectors
from skerry.ranking.features.words import first_words
from skerry.ranking.pair_network import passage_text
from skerry.retrieval.corpus.store import PassageStore

_COUNTED_WORDS = 10_000
"""Of a passage; what is behind is not counted."""


def corpus_idf(passages: PassageStore, vectors: WordVectors, progress: Progress) -> Idf:
    """Of all passages, with their titles."""
    with progress.task("counting words", total=len(passages), unit="passages") as task:

        def texts() -> Iterator[list[int]]:
            for passage in passages:
                task.advance()
                yield vectors.numbers(first_words(passage_text(passage.title, passage.text), _COUNTED_WORDS))

        return count_idf(texts(), vectors.known)
