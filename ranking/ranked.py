"""What ranking a list gives back: its order, how far it was read, and what moved each candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.ranking.base import RankRequest
from skerry.ranking.plan import RankPlan


class StoppedBy(Enum):
    """Why a ranker read no further: it has read all that it was to, the lead was decided, time ran short."""

    DEPTH = "depth"
    MARGIN = "margin"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Reading:
    """Who read a list, and how far.

    Attributes:
        ranker: its name.
        cheap: the name of the ranker that sorted the candidates before; "" where none did.
        read: candidates that `ranker` read.
        stopped: why not more.
    """

    ranker: str
    cheap: str
    read: int
    stopped: StoppedBy


@dataclass(frozen=True, slots=True)
class RankerScore:
    """What one ranker said of a candidate: `raw` holds `first_stage`, the part that the first stage's order
    gave (None where the ranker does not say); `calibrated` is the probability.
    """

    ranker: str
    raw: float
    calibrated: float
    first_stage: float | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What moved a candidate.

    Attributes:
        before: its place in the first stage's list, from 1.
        after: its place now, from 1.
        first_stage_score: the fused retrieval score.
        scores: of the rankers that read it, the cheap one first; empty where none did.
    """

    before: int
    after: int
    first_stage_score: float
    scores: tuple[RankerScore, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranked:
    """A ranked list of n candidates.

    Attributes:
        order: numbers of all candidates, best first, int64 (n,): those that the ranker read, then those that
            the cheap one read, then the others as the first stage has them.
        raw: the ranker's scores in the candidates' own order, float32 (n,); minus infinity where unread.
        calibrated: probabilities in the candidates' own order, float32 (n,): the ranker's, where it did not
            read the cheap one's, and 0 where neither did.
        reading: who read it, and how far.
        explanations: in the candidates' own order; empty unless asked for.
    """

    order: NDArray[np.int64]
    raw: NDArray[np.float32]
    calibrated: NDArray[np.float32]
    reading: Reading
    explanations: tuple[Explanation, ...] = ()


class RankingChain(Protocol):
    """Rankers by name, one after the other: those of this process, or a running service's."""

    def rank(self, requests: Sequence[RankRequest], plan: RankPlan, deadline: Deadline) -> list[Ranked]:
        """One ranked list a request.

        Raises:
            InvalidInput: a plan out of its range, a first-stage score that is no number, a text that is no
                valid Unicode.
            NotFound: a ranker that there is not.
            DeadlineExceeded: time ran out, and the plan has no reserve.
            Cancelled: the caller has gone.
        """
        ...
