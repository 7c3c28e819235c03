"""What scoring asks of an FM-index, and the counts of single tokens, asked for once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.seal.scoring.passages import PassageTokens

KEPT_TOKENS = 16_000_000
"""Of passages, by default: 64 MB, some 100,000 passages."""


class ScoredIndex(Protocol):
    """The operations of `skerry.kernels.fm_index.FmIndex` that scoring uses. Safe from several threads."""

    @property
    def tokens(self) -> int:
        """Tokens of all passages together."""

    @property
    def passages(self) -> int:
        """How many there are."""

    @property
    def alphabet(self) -> int:
        """Every token is below it."""

    def everything(self) -> NDArray[np.int64]:
        """The range of the empty n-gram, shape (1, 2)."""

    def probe(self, ranges: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """The ranges of each n-gram continued by each of the shared `tokens` (k,): shape (n, k, 2)."""

    def locate(
        self, rows: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Passage, and first token counted in it, of the n-gram of so many tokens at each row (m,)."""

    def extract(self, passages: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """The tokens of passages (p,): offsets (p + 1,) and tokens (offsets[-1],)."""


class Corpus:
    """An index with what scoring remembers of it; one an opened index, shared by threads.

    Args:
        index: the FM-index.
        marks: tokens that are no words, such as the one that ends a title: they count in keys only.
        kept_tokens: of how many tokens the passages read last are kept in memory, at 4 bytes a token.
    """

    def __init__(
        self, index: ScoredIndex, marks: Sequence[int] = (), *, kept_tokens: int = KEPT_TOKENS
    ) -> None:
        self.index = index
        self.marks = np.array([mark for mark in marks if mark < index.alphabet], np.int64)
        self.passages = PassageTokens(index, kept_tokens)
        self._lock = threading.Lock()
        self._counts: NDArray[np.int64] | None = None

    @property
    def token_counts(self) -> NDArray[np.int64]:
        """How often each token occurs, int64 of shape (alphabet,)."""
        with self._lock:
            if self._counts is None:
                every = np.arange(self.index.alphabet, dtype=np.int64)
                ranges = self.index.probe(self.index.everything(), every)[0]
                self._counts = ranges[:, 1] - ranges[:, 0]
            return self._counts
