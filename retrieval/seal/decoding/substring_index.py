"""What decoding asks of an FM-index."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Ranges = NDArray[np.int64]
"""Half-open ranges of index rows, shape (n, 2)."""


class SubstringIndex(Protocol):
    """The operations of `skerry.kernels.fm_index.FmIndex` that decoding uses. Safe from several threads."""

    def everything(self) -> Ranges:
        """The range of the empty n-gram, shape (1, 2)."""

    def beginnings(self) -> Ranges:
        """The range whose continuations are the passages' first tokens, shape (1, 2)."""

    def extend(self, ranges: Ranges, tokens: NDArray[np.int64]) -> Ranges:
        """Each n-gram's range with one more token, shape (n, 2); empty where it does not occur."""

    def find(self, offsets: NDArray[np.int64], tokens: NDArray[np.int64]) -> Ranges:
        """Ranges of whole n-grams, n-gram i being tokens[offsets[i]:offsets[i + 1]], shape (n, 2)."""

    def allowed_top(
        self, log_probs: NDArray[np.float32], ranges: Ranges, k: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The k likeliest continuations of each row that occur, best first.

        Returns:
            Tokens of shape (n, k), -1 where there are fewer, and their ranges of shape (n, k, 2).
        """
