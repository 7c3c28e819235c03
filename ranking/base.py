"""The words of ranking: candidates in, scores out, one protocol for every ranker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.registry import Registry


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text to be ranked.

    Attributes:
        first_stage_score: the fused retrieval score, 0 where there is none.
        first_stage_rank: its place in the first stage's list, from 0, where the candidates are a part of that
            list; None goes by its score among the candidates of the request.
    """

    title: str
    text: str
    first_stage_score: float = 0.0
    first_stage_rank: int | None = None


@dataclass(frozen=True, slots=True)
class RankRequest:
    """One query and its candidates; a ranker scores many requests in one call."""

    query: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class RankScores:
    """Scores in the candidates' order, float32 of shape (n,).

    `raw` is the model's own scale; `calibrated` is the probability in [0, 1] that the candidate answers the
    query, from a calibration fitted on held-out questions. `first_stage` is the part of `raw` that the first
    stage's order gave, None where the ranker does not say.
    """

    raw: NDArray[np.float32]
    calibrated: NDArray[np.float32]
    first_stage: NDArray[np.float32] | None = None


class Ranker(Protocol):
    """Scores candidates against their query. Safe to call from several threads."""

    name: str

    def score(self, requests: Sequence[RankRequest], deadline: Deadline) -> list[RankScores]:
        """One `RankScores` a request. Raises `DeadlineExceeded` or `Cancelled` between batches."""
        ...


RANKERS: Registry[type] = Registry(
    "ranker",
    {
        "cross-encoder": "skerry.ranking.cross_encoder:CrossEncoder",
        "anmm": "skerry.ranking.neural.rankers:AnmmRanker",
        "arc-i": "skerry.ranking.neural.rankers:ArcIRanker",
        "co-pacrr": "skerry.ranking.neural.rankers:CoPacrrRanker",
        "conv-knrm": "skerry.ranking.neural.rankers:ConvKnrmRanker",
        "deeprank": "skerry.ranking.neural.rankers:DeepRankRanker",
        "drmm": "skerry.ranking.neural.rankers:DrmmRanker",
        "dssm": "skerry.ranking.neural.rankers:DssmRanker",
        "duet": "skerry.ranking.neural.rankers:DuetRanker",
        "hint": "skerry.ranking.neural.rankers:HintRanker",
        "knrm": "skerry.ranking.neural.rankers:KnrmRanker",
        "match-pyramid": "skerry.ranking.neural.rankers:MatchPyramidRanker",
        "max-sim": "skerry.ranking.neural.rankers:MaxSimRanker",
        "mv-lstm": "skerry.ranking.neural.rankers:MvLstmRanker",
        "pacrr": "skerry.ranking.neural.rankers:PacrrRanker",
        "tk": "skerry.ranking.neural.rankers:TkRanker",
    },
)
