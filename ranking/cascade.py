"""A cheap ranker sorts, a strong one reads until the lead is decided (Wang, Lin and Metzler 2011).

The strong ranker reads in blocks, likeliest candidates first, as the cheap ranker or the first stage has it.
It stops after a block when the best candidate leads all others of the block by the margin: a difference of
log-odds, of the calibrated probabilities, so that it means the same for every ranker. What stands behind a
block is on the whole no better than it is: its best other candidate is what an unread one could plausibly
reach. And of two candidates of which one is right, a lead of m leaves to the other a probability of
1 / (1 + exp(m)): .12 with a margin of 2, .05 with one of 3.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.errors import DeadlineExceeded, InvalidInput, NotFound
from skerry.ranking.base import Ranker, RankRequest, RankScores
from skerry.ranking.interpolation import first_stage_ranks
from skerry.ranking.plan import RankPlan, check_plan
from skerry.ranking.ranked import Explanation, Ranked, RankerScore, Reading, StoppedBy

# The ends of what calibration tells apart in float32.
_LEAST = 1e-26
_MOST = 1.0 - 2.0**-24


class Cascade:
    """Ranks lists with the rankers of this process. As safe to call from several threads as they are.

    Args:
        rankers: the ranker of a name, the default one for ""; raises `NotFound` for a name that is none.
    """

    def __init__(self, rankers: Callable[[str], Ranker]) -> None:
        self._rankers = rankers

    @classmethod
    def of(cls, *rankers: Ranker) -> Cascade:
        """A choice of these, the first by default."""
        by_name = {"": rankers[0]} | {ranker.name: ranker for ranker in rankers}

        def find(name: str) -> Ranker:
            if name not in by_name:
                raise NotFound(
                    f"There is no ranker {name!r} here; there are {', '.join(sorted(by_name)[1:])}.",
                    details={"kind": "ranker", "name": name},
                )
            return by_name[name]

        return cls(find)

    def rank(self, requests: Sequence[RankRequest], plan: RankPlan, deadline: Deadline) -> list[Ranked]:
        """One ranked list a request; their blocks are read together. See `RankingChain.rank`."""
        check_plan(plan)
        ranker = self._rankers(plan.ranker)
        cheap = self._rankers(plan.cheap) if plan.cheap else None
        lists = [_List(request, plan) for request in requests]
        until = deadline if plan.reserve is None else deadline.reserving(plan.reserve)
        try:
            if cheap is not None:
                _sort(cheap, lists, until)
            _read(ranker, lists, plan, until)
        except DeadlineExceeded:
            if plan.reserve is None:
                raise
            deadline.check("ranking passages")
        return [item.ranked(ranker.name, plan) for item in lists]


def decided(probabilities: NDArray[np.float32], block: int, margin: float) -> bool:
    """Whether the best of those read leads all others of the last block by the margin.

    Args:
        probabilities: of the candidates read so far, in the order of reading, shape (n,), n at least 1.
        block: how many of them were read last.
    """
    likely = np.clip(probabilities.astype(np.float64), _LEAST, _MOST)
    log_odds = np.log(likely) - np.log1p(-likely)
    best = int(log_odds.argmax())
    last = np.arange(len(log_odds) - block, len(log_odds))
    others = log_odds[last[last != best]]
    return len(others) > 0 and bool(log_odds[best] - others.max() >= margin)


class _List:
    """One request's candidates on their way."""

    def __init__(self, request: RankRequest, plan: RankPlan) -> None:
        _check_first_stage(request)
        ranks, count = first_stage_ranks(request.candidates), len(request.candidates)
        self._query = request.query
        self._candidates = [
            replace(candidate, first_stage_rank=int(rank))
            for candidate, rank in zip(request.candidates, ranks, strict=True)
        ]
        self._before = np.argsort(ranks, kind="stable")
        self._order = self._before[: plan.depth]
        self._most = len(self._order) if plan.strong_depth is None else plan.strong_depth
        self._cheap = _Scores(count)
        self._strong = _Scores(count)
        self._read = 0
        self.stopped = StoppedBy.DEADLINE if len(self._order) else StoppedBy.DEPTH

    @property
    def unsorted(self) -> RankRequest:
        """All that is ranked, for the cheap ranker."""
        return self._request(self._order)

    def sort(self, name: str, scores: RankScores) -> None:
        self._cheap.take(name, self._order, scores)
        self._order = self._order[np.argsort(-scores.raw, kind="stable")]

    @property
    def going_on(self) -> bool:
        return self.stopped is StoppedBy.DEADLINE

    def next(self, block: int | None) -> RankRequest:
        """What is to be read now: all of it without a block."""
        end = self._most if block is None else min(self._most, self._read + block)
        return self._request(self._order[self._read : end])

    def take(self, name: str, scores: RankScores, margin: float | None) -> None:
        start, self._read = self._read, self._read + len(scores.raw)
        self._strong.take(name, self._order[start : self._read], scores)
        if self._read == min(self._most, len(self._order)):
            self.stopped = StoppedBy.DEPTH
        elif margin is not None:
            probabilities = self._strong.calibrated[self._order[: self._read]]
            if decided(probabilities, self._read - start, margin):
                self.stopped = StoppedBy.MARGIN

    def ranked(self, ranker: str, plan: RankPlan) -> Ranked:
        read, sorted_only = self._order[: self._read], self._order[self._read :]
        best_first = read[np.argsort(-self._strong.raw[read], kind="stable")]
        order = np.concatenate([best_first, sorted_only, self._before[len(self._order) :]])
        return Ranked(
            order,
            self._strong.raw,
            np.where(self._strong.known, self._strong.calibrated, self._cheap.calibrated),
            Reading(ranker, self._cheap.name, self._read, self.stopped),
            self._explanations(order) if plan.explain else (),
        )

    def _explanations(self, order: NDArray[np.int64]) -> tuple[Explanation, ...]:
        before, after = np.argsort(self._before), np.argsort(order)
        return tuple(
            Explanation(
                int(before[place]) + 1,
                int(after[place]) + 1,
                candidate.first_stage_score,
                (*self._cheap.of(place), *self._strong.of(place)),
            )
            for place, candidate in enumerate(self._candidates)
        )

    def _request(self, which: NDArray[np.int64]) -> RankRequest:
        return RankRequest(self._query, tuple(self._candidates[place] for place in which))


class _Scores:
    """One ranker's scores of a list's n candidates, as far as it has read them."""

    def __init__(self, count: int) -> None:
        self.raw = np.full(count, -np.inf, np.float32)
        self.calibrated = np.zeros(count, np.float32)
        self.known = np.zeros(count, np.bool_)
        self._first_stage = np.full(count, np.nan, np.float32)
        self.name = ""

    def take(self, name: str, which: NDArray[np.int64], scores: RankScores) -> None:
        self.name = name
        self.raw[which], self.calibrated[which], self.known[which] = scores.raw, scores.calibrated, True
        if scores.first_stage is not None:
            self._first_stage[which] = scores.first_stage

    def of(self, place: int) -> tuple[RankerScore, ...]:
        """What the ranker said of a candidate, nothing where it did not read it."""
        if not self.known[place]:
            return ()
        share = float(self._first_stage[place])
        return (
            RankerScore(
                self.name,
                float(self.raw[place]),
                float(self.calibrated[place]),
                None if np.isnan(share) else share,
            ),
        )


def _check_first_stage(request: RankRequest) -> None:
    for number, candidate in enumerate(request.candidates):
        if math.isnan(candidate.first_stage_score):
            raise InvalidInput(
                f"The first-stage score of candidate {number} is not a number.",
                hint="Leave it at 0 where there is none.",
                details={"field": f"candidates[{number}].first_stage_score"},
            )
        if candidate.first_stage_rank is not None and candidate.first_stage_rank < 0:
            raise InvalidInput(
                f"The first-stage rank of candidate {number} is {candidate.first_stage_rank}.",
                hint="Ranks start at 0; leave it out where there is none.",
                details={"field": f"candidates[{number}].first_stage_rank"},
            )


def _sort(cheap: Ranker, lists: Sequence[_List], deadline: Deadline) -> None:
    scores = cheap.score([item.unsorted for item in lists], deadline)
    for item, found in zip(lists, scores, strict=True):
        item.sort(cheap.name, found)


def _read(ranker: Ranker, lists: Sequence[_List], plan: RankPlan, deadline: Deadline) -> None:
    """Read block after block of all lists that go on, while there is time for one more at the pace so far."""
    block = plan.block if plan.stepwise else None
    pace = 0.0
    while going_on := [item for item in lists if item.going_on]:
        requests = [item.next(block) for item in going_on]
        count = sum(len(request.candidates) for request in requests)
        left = deadline.remaining()
        if plan.reserve is not None and left is not None and pace * count > left:
            return
        begun = time.perf_counter()
        scores = ranker.score(requests, deadline)
        pace = (time.perf_counter() - begun) / count
        for item, found in zip(going_on, scores, strict=True):
            item.take(ranker.name, found, plan.margin)
