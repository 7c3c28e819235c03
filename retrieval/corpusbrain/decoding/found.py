"""The pages that a search has found for one query."""

from __future__ import annotations

import heapq
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """A page whose title the model has written.

    Attributes:
        page: its number.
        log_prob: of the sequence of titles up to this one's end: the titles before it count too.
        tokens: how many `log_prob` is of: those of the sequence's titles and their ends.
        place: 0 for the first title of a sequence, 1 for the second, ...
    """

    page: int
    log_prob: float
    tokens: int
    place: int


class FoundPages:
    """Each page once, with its best log-probability.

    Args:
        wanted: how many of the best pages decide the bar.

    Attributes:
        bar: what a sequence must exceed to matter: the log-probability of the last of the best pages.
    """

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._best: dict[int, Found] = {}
        self.bar = float("-inf")

    def add(self, found: Found) -> None:
        """Keep a page unless it is known with a better log-probability."""
        known = self._best.get(found.page)
        if known is not None and known.log_prob >= found.log_prob:
            return
        self._best[found.page] = found
        if len(self._best) >= self._wanted:
            self.bar = heapq.nlargest(self._wanted, (one.log_prob for one in self._best.values()))[-1]

    def best_first(self) -> list[Found]:
        """All pages, by falling log-probability; of equal ones the lower number comes first."""
        return sorted(self._best.values(), key=lambda found: (-found.log_prob, found.page))
