"""A set of ids that takes 16 bytes an id."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class SeenIds:
    """Remembers ids by a 128-bit hash: two ids that differ are taken for the same with a chance below 2^-80
    for a corpus of 10^7 pages, so a hit counts as proof.

    New hashes go to a small set; full sets become sorted arrays, merged in pairs of equal size.
    """

    LIMIT = 1 << 14

    def __init__(self) -> None:
        self._recent: set[tuple[int, int]] = set()
        self._runs: list[_Run] = []

    def add(self, identity: str) -> bool:
        """Remember an id; False when it was there already."""
        digest = hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        high, low = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")
        if (high, low) in self._recent:
            return False
        wanted = np.uint64(high)
        if any(run.holds(wanted, low) for run in self._runs):
            return False
        self._recent.add((high, low))
        if len(self._recent) >= self.LIMIT:
            self._store()
        return True

    def stored_bytes(self) -> int:
        """Size of the sorted arrays."""
        return sum(run.high.nbytes + run.low.nbytes for run in self._runs)

    def _store(self) -> None:
        pairs = np.array(list(self._recent), dtype=np.uint64)
        self._recent.clear()
        high, low = pairs[:, 0], pairs[:, 1]
        while self._runs and len(self._runs[-1].high) <= len(high):
            run = self._runs.pop()
            high, low = np.concatenate([run.high, high]), np.concatenate([run.low, low])
        order = np.argsort(high)
        self._runs.append(_Run(high[order], low[order]))


@dataclass(frozen=True, slots=True)
class _Run:
    """The halves of n hashes, uint64 of shape (n,) each, ordered by `high`."""

    high: NDArray[np.uint64]
    low: NDArray[np.uint64]

    def holds(self, high: np.uint64, low: int) -> bool:
        place = int(self.high.searchsorted(high))
        while place < len(self.high) and self.high[place] == high:
            if int(self.low[place]) == low:
                return True
            place += 1
        return False
