"""Where a passage is cut, so that each part gets a vector of its own: even stretches of about 32 tokens.

The network has read the whole before it is cut ("late chunking", Günther et al. 2024, arXiv:2409.04701): a
stretch's tokens know what stands around them. Title and special tokens belong to no stretch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOKENS = 32


@dataclass(frozen=True, slots=True)
class Stretches:
    """How n texts are cut.

    Attributes:
        lengths: of each text, its tokens, special ones included: int64 of shape (n,).
        firsts: where the part that is cut begins, (n,).
        cut: tokens of that part, (n,); 0 for a text without stretches.
    """

    lengths: NDArray[np.int64]
    firsts: NDArray[np.int64]
    cut: NDArray[np.int64]

    @classmethod
    def none(cls, lengths: Sequence[int]) -> Stretches:
        """Texts of so many tokens, none of which is cut."""
        nothing = np.zeros(len(lengths), np.int64)
        return cls(np.array(lengths, np.int64), nothing, nothing)

    @classmethod
    def behind(cls, offsets: Sequence[Sequence[tuple[int, int]]], begins: Sequence[int]) -> Stretches:
        """Texts that are cut from a character on.

        Args:
            offsets: of each text, each token's first character and the one behind its last; (0, 0) for
                special tokens.
            begins: of each text, the first character that is cut.
        """
        firsts, cut = np.zeros(len(offsets), np.int64), np.zeros(len(offsets), np.int64)
        for number, (tokens, begin) in enumerate(zip(offsets, begins, strict=True)):
            ends = np.array(tokens, np.int64).reshape(-1, 2)[:, 1]
            own = np.flatnonzero(ends > begin)
            if len(own):
                firsts[number], cut[number] = own[0], own[-1] + 1 - own[0]
        return cls(np.array([len(tokens) for tokens in offsets], np.int64), firsts, cut)

    def take(self, rows: NDArray[np.int64]) -> Stretches:
        """Those of some of the texts."""
        return Stretches(self.lengths[rows], self.firsts[rows], self.cut[rows])

    @property
    def counts(self) -> NDArray[np.int64]:
        """Stretches of each text, (n,): the nearest number to a 32nd of its tokens, and at least 1 of any."""
        return np.where(self.cut > 0, np.maximum(1, (self.cut + TOKENS // 2) // TOKENS), 0)

    def masks(self, width: int) -> NDArray[np.bool_]:
        """Which tokens belong to the whole text and to each of its stretches: (n, 1 + most stretches, width).

        A text of fewer stretches than another has empty ones behind.

        Args:
            width: tokens to which the texts are padded.
        """
        places = np.arange(width)
        counts = self.counts[:, None]
        within = places - self.firsts[:, None]
        number = (2 * within + 1) * counts // np.maximum(1, 2 * self.cut[:, None])
        number = np.where((within >= 0) & (within < self.cut[:, None]), number, -1)
        parts = np.arange(counts.max(initial=0))
        whole = places < self.lengths[:, None]
        return np.concatenate([whole[:, None], number[:, None] == parts[:, None]], axis=1)
