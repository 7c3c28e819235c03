"""A ranker's scores of every question's candidates, and what they cost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.progress import Progress
from skerry.evaluation.rank.pools import Pool
from skerry.ranking.base import Candidate, Ranker, RankRequest
from skerry.retrieval.corpus.store import PassageStore


@dataclass(frozen=True, slots=True)
class Reading:
    """What a ranker says of some questions.

    Attributes:
        scores: the ranker's own, without the first stage's order; float32 (m,) a question, of its first m
            candidates.
        first_stage: what the ranker adds to them for the first stage's order, of the same shapes.
        seconds: of all of them, one call a question.
    """

    scores: list[NDArray[np.float32]]
    first_stage: list[NDArray[np.float32]]
    seconds: float

    @property
    def milliseconds(self) -> float:
        """For 100 candidates."""
        return 1e5 * self.seconds / max(1, sum(map(len, self.scores)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """To be kept."""
        return {
            "sizes": np.array([len(scores) for scores in self.scores], np.int64),
            "scores": np.concatenate([np.empty(0, np.float32), *self.scores]),
            "first_stage": np.concatenate([np.empty(0, np.float32), *self.first_stage]),
            "seconds": np.array(self.seconds),
        }

    @classmethod
    def of(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """What `arrays` made."""
        ends = np.cumsum(arrays["sizes"])[:-1]
        return cls(
            np.split(arrays["scores"], ends),
            np.split(arrays["first_stage"], ends),
            float(arrays["seconds"]),
        )


def read_pools(
    ranker: Ranker, pools: Sequence[Pool], depth: int | None, passages: PassageStore, progress: Progress
) -> Reading:
    """Ask the ranker for the candidates of each question, at most `depth` of them, in one call a question."""
    scores, parts, seconds = [], [], 0.0
    with progress.task(ranker.name, len(pools), "questions") as task:
        for pool in pools:
            ordinals = pool.candidates[:depth]
            candidates = tuple(
                Candidate(passage.title, passage.text, -float(place), place)
                for place, passage in enumerate(passages.get_many(ordinals))
            )
            start = time.perf_counter()
            [found] = ranker.score([RankRequest(pool.question.query, candidates)], Deadline())
            seconds += time.perf_counter() - start
            part = np.zeros(len(found.raw), np.float32) if found.first_stage is None else found.first_stage
            scores.append(found.raw - part)
            parts.append(part)
            task.advance()
    return Reading(scores, parts, seconds)
