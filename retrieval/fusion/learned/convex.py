"""A convex combination with weights chosen on questions (Bruch, Gai and Ingber, 2023)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

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


Measure = Literal["reciprocal rank", "nDCG@10"]


def learn_convex(
    judged: Sequence[Judged], legs: Sequence[str], measure: Measure = "reciprocal rank"
) -> LearnedConvex:
    """The weights whose fused lists are the best by the mean of a measure, equal scores at their worst.

    Each weight in turn takes the best of 21 values while the others stay, three rounds, from even weights.

    Args:
        measure: of the first relevant passage, or of the gains of the first ten.

    Raises:
        InvalidInput: no question has a relevant passage in the legs' lists.
    """
    questions = _Questions(judged, legs)
    weights = np.full(len(legs), 0.5)
    best = questions.mean(weights, measure)
    for _ in range(_ROUNDS):
        before = best
        for leg in range(len(legs)):
            for value in _GRID:
                tried = weights.copy()
                tried[leg] = value
                if not tried.any():
                    continue
                found = questions.mean(tried, measure)
                if found > best:
                    best, weights = found, tried
        if best == before:
            break
    return LearnedConvex(tuple(legs), tuple((weights / weights.sum()).tolist()))


class _Questions:
    """Those with a relevant passage in the lists, as arrays: stretched scores (q, n, legs) and gains (q, n).

    A question's passages that are not relevant stand first, so that a stable sort puts equal scores at their
    worst; what stands behind its passages has the score minus infinity.
    """

    def __init__(self, judged: Sequence[Judged], legs: Sequence[str]) -> None:
        tables = []
        for question in judged:
            ordinals, columns = stretched_columns(question.lists, legs)
            gains = question.gains_of(ordinals)
            if gains.any():
                order = np.argsort(gains, kind="stable")
                tables.append((columns[order], gains[order], question))
        if not tables:
            raise InvalidInput(
                f"None of {len(judged)} questions has a relevant passage in the legs' lists.",
                hint="Give questions about the corpus of this index.",
            )
        most = max(len(gains) for _, gains, _ in tables)
        self._columns = np.zeros((len(tables), most, len(legs)))
        self._gains = np.zeros((len(tables), most))
        self._behind = np.zeros((len(tables), most))
        self._ideal = np.empty(len(tables))
        for row, (columns, gains, question) in enumerate(tables):
            self._columns[row, : len(gains)] = columns
            self._gains[row, : len(gains)] = gains
            self._behind[row, len(gains) :] = -np.inf
            every = question.gains_of(np.array(sorted(question.relevant), np.int64))
            self._ideal[row] = _discounted(np.sort(every)[None, ::-1])[0]

    def mean(self, weights: NDArray[np.float64], measure: Measure) -> float:
        scores = self._columns @ weights + self._behind
        ranked = np.take_along_axis(self._gains, np.argsort(-scores, axis=1, kind="stable"), axis=1)
        if measure == "nDCG@10":
            return float((_discounted(ranked) / self._ideal).mean())
        return float((1.0 / (1 + (ranked > 0).argmax(axis=1))).mean())


def _discounted(gains: NDArray[np.generic]) -> NDArray[np.float64]:
    """Gains over log2(1 + rank) of the first ten, summed: (q, n) to (q,)."""
    first = np.asarray(gains[:, :10], np.float64)
    return np.asarray(first @ (1.0 / np.log2(2 + np.arange(first.shape[1]))), np.float64)
