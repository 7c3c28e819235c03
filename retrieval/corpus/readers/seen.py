"""A set of ids that takes 16 bytes an id."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

_RECENT = 1 << 14


class SeenIds:
    """Remembers ids by a 128-bit hash: two ids that differ are taken for the same with a chance below 2^-80
    for a corpus of 10^7 pages, so a hit counts as proof.

    New hashes go to a small set; full sets become sorted arrays, merged in pairs of equal size.
    """

    def __init__(self) -> None:
        self._recent: set[tuple[int, int]] = set()
        self._runs: list[NDArray[np.uint64]] = []

    def add(self, identity: str) -> bool:
        """Remember an id; False when it was there already."""
        digest = hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        key = (int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little"))
        if key in self._recent or any(_contains(run, key) for run in self._runs):
            return False
        self._recent.add(key)
        if len(self._recent) >= _RECENT:
            self._store()
        return True

    def _store(self) -> None:
        run = _sorted(np.array(list(self._recent), dtype=np.uint64))
        self._recent.clear()
        while self._runs and len(self._runs[-1]) <= len(run):
            run = _sorted(np.concatenate([self._runs.pop(), run]))
        self._runs.append(run)


def _sorted(run: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Rows of shape (n, 2) ordered by their first column, each column contiguous."""
    return np.asfortranarray(run[np.argsort(run[:, 0])])


def _contains(run: NDArray[np.uint64], key: tuple[int, int]) -> bool:
    high, low = np.uint64(key[0]), np.uint64(key[1])
    place = int(np.searchsorted(run[:, 0], high))
    while place < len(run) and run[place, 0] == high:
        if run[place, 1] == low:
            return True
        place += 1
    return False
