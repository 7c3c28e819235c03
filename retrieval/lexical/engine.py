"""What an inverted-index engine must do for the BM25 leg, and the registry of engines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skerry.core.progress import Progress
from skerry.core.registry import Registry
from skerry.retrieval.base import Candidates
from skerry.retrieval.corpus.store import PassageStore


@dataclass(frozen=True, slots=True)
class LexicalSettings:
    """How passages are analysed and scored.

    Attributes:
        k1: saturation of term frequency, as in BM25.
        b: strength of length normalisation, 0 to 1.
        stem: reduce English words to their stems.
        stop: leave out the most common English words.
        title: index the page's title with each passage.
        section: index the heading path with each passage.
        drop_question_words: leave "what", "who", "how" and their like out of queries.
    """

    k1: float
    b: float
    stem: bool
    stop: bool
    title: bool
    section: bool
    drop_question_words: bool

    def text(self, title: str, section: str, text: str) -> str:
        """What of a passage is indexed: one text, so that there is one length to normalise by."""
        parts = [title if self.title else "", section if self.section else "", text]
        return "\n".join(part for part in parts if part)


class LexicalSearcher(Protocol):
    """An engine's index, opened. Safe to call from several threads."""

    passage_count: int

    def search(self, query: str, limit: int, within: NDArray[np.int64] | None) -> Candidates:
        """At most `limit` passages with at least one of the query's terms.

        Equal scores (to 1e-4) are ordered by ordinal. The query is only ever tokenised, never parsed as a
        query language.

        Args:
            query: the user's words.
            limit: at least 1.
            within: where given, only these ordinals, int64, ascending.
        """
        ...


class LexicalEngine(Protocol):
    """Builds and opens the files of one kind of inverted index."""

    name: str
    default_k1: float
    default_b: float

    def check(self, settings: LexicalSettings) -> None:
        """Raise `InvalidInput` for settings that this engine cannot honour."""
        ...

    def count_terms(self, passages: PassageStore, start: int, stop: int, settings: LexicalSettings) -> int:
        """Terms that passages [start, stop) add to the index; 0 where the engine does not need to know."""
        ...

    def build(
        self,
        passages: PassageStore,
        folder: Path,
        settings: LexicalSettings,
        terms: int,
        progress: Progress,
    ) -> None:
        """Write the index of all passages, whose terms number `terms`, into the empty folder."""
        ...

    def open(self, folder: Path, settings: LexicalSettings) -> LexicalSearcher:
        """Open what `build` wrote. Raises `IndexCorrupt` where it cannot be read."""
        ...


ENGINES: Registry[type[LexicalEngine]] = Registry(
    "lexical engine",
    {
        "tantivy": "skerry.retrieval.lexical.tantivy_engine:TantivyEngine",
        "lucene": "skerry.retrieval.lexical.lucene_engine:LuceneEngine",
    },
)
