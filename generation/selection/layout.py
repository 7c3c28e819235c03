"""How the rows of a cache are cut into the pieces that a selector chooses among."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np


class Layout:
    """Pieces of the rows of one batch: the sinks, closed units, the tail; only units are chosen among.

    A unit is closed once the `recent` last rows lie behind it: it never changes again. The tail, from the
    last closed unit on, is always read: at least `recent` rows, less than `recent` + `longest`.

    Args:
        sinks: rows at the begin that are always read.
        recent: rows at the end that are always read.
        longest: rows of a unit at most; where no end is told it has exactly so many.
    """

    def __init__(self, sinks: int, recent: int, longest: int) -> None:
        self.sinks, self._recent, self._longest = sinks, recent, longest
        self._told: list[deque[int]] = []
        self._ends: list[list[int]] = []
        self._rows = -1
        self.units = 0
        """Of the sequence that has most."""
        self.counts: list[int] = []
        """Units of each sequence."""
        self.bounds = np.zeros((0, 3), dtype=np.int32)
        """int32 of shape (batch, units + 3): the sinks, the units and the tail lie between neighbours. A
        sequence with fewer units than another has empty ones at the end."""
        self.lengths = np.zeros((0, 0), dtype=np.int32)
        """int32 of shape (batch, units): rows of every unit."""

    def begin(self, ends: Sequence[Sequence[int]]) -> None:
        """Forget everything; `ends` are the rows behind which units may end, for each sequence."""
        self._told = [deque(one) for one in ends]
        self._ends = [[] for _ in ends]
        self._rows = -1

    def end(self, sequence: int, row: int) -> None:
        """Tell that a unit may end behind row `row` - 1."""
        self._told[sequence].append(row)

    def grow(self, batch: int, rows: int) -> None:
        """The cache holds `rows` rows by now; sequences that were never told of have no told ends."""
        if rows == self._rows:
            return
        if rows < self._rows:
            raise ValueError(f"the cache shrank from {self._rows} to {rows} rows; take a new selector")
        while len(self._ends) < batch:
            self._told.append(deque())
            self._ends.append([])
        closed = [self._close(number, rows - self._recent) for number in range(batch)]
        if any(closed) or self._rows < 0:
            self._lay_out(batch)
        self._rows = rows
        self.bounds[:, -1] = rows

    def _close(self, sequence: int, limit: int) -> bool:
        """Close the units that end at or before row `limit`; whether there were any."""
        told, ends = self._told[sequence], self._ends[sequence]
        last = before = ends[-1] if ends else self.sinks
        while True:
            while told and told[0] <= last:
                told.popleft()
            end = min(last + self._longest, told[0]) if told else last + self._longest
            if end > limit:
                break
            ends.append(end)
            last = end
        return last > before

    def _lay_out(self, batch: int) -> None:
        self.counts = [len(ends) for ends in self._ends]
        self.units = max(self.counts)
        self.bounds = np.zeros((batch, self.units + 3), dtype=np.int32)
        for row, ends in zip(self.bounds, self._ends, strict=True):
            row[1] = self.sinks
            row[2 : 2 + len(ends)] = ends
            row[2 + len(ends) : -1] = ends[-1] if ends else self.sinks
        self.lengths = np.diff(self.bounds[:, 1:-1])
