"""How often names were asked for lately, in a fixed quarter of a megabyte: a count-min sketch that ages.

TinyLFU (Einziger, Friedman, Manes, 2017): counts are halved after every period, so that what was popular long
ago makes room. A count is never below the true one (halved as often), and above it only by collisions.
"""

from __future__ import annotations

import numpy as np

_ROWS = 4
_WIDTH = 2**16
_MOST = 255
_LEAST_PERIOD = 1024


class Frequency:
    """Counts of names, which are given as digests of 8 bytes or more."""

    def __init__(self) -> None:
        self._counts = np.zeros((_ROWS, _WIDTH), dtype=np.uint8)
        self._asked = 0

    def add(self, digest: bytes, kept: int) -> None:
        """Count one request. `kept` is how many values are kept: the period is ten requests for each."""
        places = self._places(digest)
        counts = [int(self._counts[place]) for place in places]
        least = min(counts)
        if least < _MOST:
            for place, count in zip(places, counts, strict=True):
                if count == least:
                    self._counts[place] = least + 1
        self._asked += 1
        if self._asked >= min(max(10 * kept, _LEAST_PERIOD), 8 * _WIDTH):
            self._counts >>= 1
            self._asked = 0

    def of(self, digest: bytes) -> int:
        """Requests for the name in this period, and less and less of those before."""
        return min(int(self._counts[place]) for place in self._places(digest))

    def _places(self, digest: bytes) -> list[tuple[int, int]]:
        return [(row, int.from_bytes(digest[2 * row : 2 * row + 2], "little")) for row in range(_ROWS)]
