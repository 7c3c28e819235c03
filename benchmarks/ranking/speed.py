"""Systems that score the same candidates, timed in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median

import numpy as np
from numpy.typing import NDArray

from skerry.benchmarks.ranking.agreement import kendall_tau
from skerry.core.progress import Progress
from skerry.ranking.base import RankRequest

Scores = NDArray[np.float32]
System = Callable[[RankRequest], Scores]


@dataclass(frozen=True, slots=True)
class Speed:
    """What one system takes and gives.

    Attributes:
        milliseconds: median of a query with all its candidates, from texts to scores.
        processor_milliseconds: the same of all processors' time: it tells more where they have other work.
        pairs_a_second: by the median.
        faster: how many times the first system's speed: median over queries and rounds, each beside the
            measurement of the same query in the same round.
        processor_faster: the same by processors' time.
        tau: Kendall's, with the first system's scores, mean over queries.
        least_tau: of the query that differs most.
        same_first: share of queries whose best candidate is the first system's.
    """

    milliseconds: float
    processor_milliseconds: float
    pairs_a_second: float
    faster: float
    processor_faster: float
    tau: float
    least_tau: float
    same_first: float


def speeds(
    systems: Mapping[str, System], requests: Sequence[RankRequest], rounds: int, progress: Progress
) -> dict[str, Speed]:
    """Score each query by each system in turn, `rounds` times, the order turned by one from query to query.

    Args:
        systems: at least one; the first is what the others are compared with.
        requests: at least one, each with candidates.
        rounds: at least 1; one query more goes before, and does not count.
    """
    names = list(systems)
    wall: dict[str, list[float]] = {name: [] for name in names}
    work: dict[str, list[float]] = {name: [] for name in names}
    scores: dict[str, list[Scores]] = {name: [] for name in names}
    for name in names:
        systems[name](requests[0])
    with progress.task("speed", rounds * len(requests), "queries") as task:
        for number in range(rounds * len(requests)):
            turned = names[number % len(names) :] + names[: number % len(names)]
            for name in turned:
                before, start = time.process_time(), time.perf_counter()
                found = systems[name](requests[number % len(requests)])
                wall[name].append(time.perf_counter() - start)
                work[name].append(time.process_time() - before)
                if number < len(requests):
                    scores[name].append(found)
            task.advance()
    pairs = median(len(request.candidates) for request in requests)
    first = names[0]

    def of(name: str) -> Speed:
        taus = [kendall_tau(one, other) for one, other in zip(scores[name], scores[first], strict=True)]
        same = [
            one.argmax() == other.argmax() for one, other in zip(scores[name], scores[first], strict=True)
        ]
        return Speed(
            milliseconds=1000 * median(wall[name]),
            processor_milliseconds=1000 * median(work[name]),
            pairs_a_second=pairs / median(wall[name]),
            faster=median(theirs / own for theirs, own in zip(wall[first], wall[name], strict=True)),
            processor_faster=median(
                theirs / own for theirs, own in zip(work[first], work[name], strict=True)
            ),
            tau=mean(taus),
            least_tau=min(taus),
            same_first=mean(map(float, same)),
        )

    return {name: of(name) for name in names}
