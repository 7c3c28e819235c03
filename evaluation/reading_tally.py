"""How much rankers read in a run, and how long it took them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from skerry.core.deadline import Deadline
from skerry.ranking.base import RankRequest
from skerry.ranking.plan import RankPlan
from skerry.ranking.ranked import Ranked, RankingChain


class ReadingTally:
    """A `RankingChain` that counts what the one behind it reads."""

    def __init__(self, rankers: RankingChain) -> None:
        self._rankers = rankers
        self._stopped: Counter[str] = Counter()
        self._read = 0
        self._seconds = 0.0

    def rank(self, requests: Sequence[RankRequest], plan: RankPlan, deadline: Deadline) -> list[Ranked]:
        """See `RankingChain.rank`."""
        begun = time.perf_counter()
        lists = self._rankers.rank(requests, plan, deadline)
        self._seconds += time.perf_counter() - begun
        for ranked in lists:
            self._read += ranked.reading.read
            self._stopped[ranked.reading.stopped.value] += 1
        return lists

    def summary(self) -> dict[str, Any]:
        """JSON values: lists ranked, passages read and milliseconds a list, lists by why reading stopped."""
        lists = self._stopped.total()
        return {
            "lists": lists,
            "read": self._read / max(1, lists),
            "milliseconds": 1000 * self._seconds / max(1, lists),
            "stopped": dict(self._stopped),
        }
