"""Rank and select by counting everything: the oracle of the native bit vector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class ReferenceBitVector:
    """Bits with rank and select from prefix sums; 17 bytes a bit.

    Args:
        bits: 0 or 1, shape (n,), any integer or bool type.
    """

    def __init__(self, bits: NDArray[np.uint8] | NDArray[np.bool_]) -> None:
        self.bits = np.asarray(bits, dtype=np.uint8)
        if self.bits.ndim != 1 or (self.bits > 1).any():
            raise ValueError("bits must be 0 or 1 and one-dimensional")
        self._ones_before = np.concatenate(([0], np.cumsum(self.bits, dtype=np.uint64))).astype(np.uint64)
        self._positions = (np.flatnonzero(self.bits == 0), np.flatnonzero(self.bits))

    def __len__(self) -> int:
        return len(self.bits)

    @property
    def ones(self) -> int:
        return len(self._positions[1])

    @property
    def zeros(self) -> int:
        return len(self._positions[0])

    def rank1(self, positions: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Ones in [0, p) for each p of `positions`, shape (m,), 0 <= p <= n. Raises IndexError otherwise."""
        _check(positions, len(self) + 1)
        return self._ones_before[positions]

    def rank0(self, positions: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Zeros in [0, p); otherwise as `rank1`."""
        _check(positions, len(self) + 1)
        return positions.astype(np.uint64) - self._ones_before[positions]

    def select1(self, ranks: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Position of the one of rank k, from 0, for each k < ones; shape (m,). IndexError otherwise."""
        _check(ranks, self.ones)
        return self._positions[1][ranks].astype(np.uint64)

    def select0(self, ranks: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Position of the zero of rank k; otherwise as `select1`."""
        _check(ranks, self.zeros)
        return self._positions[0][ranks].astype(np.uint64)

    def access(self, positions: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The bits at `positions`, shape (m,), 0 <= p < n. Raises IndexError otherwise."""
        _check(positions, len(self))
        return self.bits[positions]


def _check(queries: NDArray[np.int64], bound: int) -> None:
    outside = (queries < 0) | (queries >= bound)
    if outside.any():
        raise IndexError(f"{queries[outside][0]} is not in [0, {bound})")
