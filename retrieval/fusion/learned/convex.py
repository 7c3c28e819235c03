"""A convex combination with weights chosen on questions (Bruch, Gai and Ingber, 2023)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.retrieval.fusion.base import Fused, LegList
from skerry.retrieval.fusion.convex import convex
from skerry.retrieval.fusion.learned.base import Judged
from skerry.retrieval.fusion.learned.features import stretched_columns

_GRID = np.linspace(0.0, 1.0, 21)
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class LearnedConvex:
    """See `LearnedFusion`. `weights` are the legs', at least 0, one of them above."""

    legs: tuple[str, ...]
    weights: tuple[float, ...]
    method: str = "convex"

    def __call__(self, lists: Mapping[str, LegList]) -> Fused:
        """See `LearnedFusion`."""
        return convex(
            [replace(lists[leg], weight=weight) for leg, weight in zip(self.legs, self.weights, strict=True)]
        )


def learn_convex(judged: Sequence[Judged], legs: Sequence[str]) -> LearnedConvex:
    """The weights whose fused lists have the highest mean reciprocal rank of the first relevant passage.

    Each weight in turn takes the best of 21 values while the others stay, three rounds, from even weights.

    Raises:
        InvalidInput: no question has a relevant passage in the legs' lists.
    """
    questions = [_split(question, legs) for question in judged]
    questions = [question for question in questions if len(question[0])]
    if not questions:
        raise InvalidInput(
            f"None of {len(judged)} questions has a relevant passage in the legs' lists.",
            hint="Give questions about the corpus of this index.",
        )
    weights = np.full(len(legs), 0.5)
    best = _mean_reciprocal_rank(questions, weights)
    for _ in range(_ROUNDS):
        for leg in range(len(legs)):
            for value in _GRID:
                tried = weights.copy()
                tried[leg] = value
                if not tried.any():
                    continue
                found = _mean_reciprocal_rank(questions, tried)
                if found > best:
                    best, weights = found, tried
    return LearnedConvex(tuple(legs), tuple((weights / weights.sum()).tolist()))


def _split(question: Judged, legs: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Stretched scores of the relevant passages and of the others."""
    ordinals, columns = stretched_columns(question.lists, legs)
    relevant = np.isin(ordinals, list(question.relevant))
    return columns[relevant], columns[~relevant]


def _mean_reciprocal_rank(
    questions: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], weights: NDArray[np.float64]
) -> float:
    total = 0.0
    for relevant, others in questions:
        total += 1.0 / (1 + int((others @ weights >= (relevant @ weights).max()).sum()))
    return total / len(questions)
