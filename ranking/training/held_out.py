"""What is fitted on held-out questions when a ranker has learnt, and how good it is on others.

Half of them fit the first stage's weight and the calibration, the other half is scored: nothing was fitted
on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.ranking import calibration
from skerry.ranking.calibration import PlattScaling
from skerry.ranking.interpolation import rank_prior
from skerry.ranking.training.examples import Example
from skerry.ranking.training.first_stage_weight import best_weight


@dataclass(frozen=True, slots=True)
class Scores:
    """What the trained ranker does on held-out questions' candidates.

    Attributes:
        questions: how many, half of those held out: nothing was fitted on them.
        depth: candidates a question.
        first_hit_at_1, first_hit_at_5: the fused retrieval list.
        reading_hit_at_1, reading_hit_at_5: the same candidates by the network's score alone.
        hit_at_1, hit_at_5: in the ranker's order, the first stage's weighed in.
        calibration_error: expected calibration error.
    """

    questions: int
    depth: int
    first_hit_at_1: float
    first_hit_at_5: float
    reading_hit_at_1: float
    reading_hit_at_5: float
    hit_at_1: float
    hit_at_5: float
    calibration_error: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """The first stage's weight beside the network's score, and the calibration of their sum."""

    first_stage_weight: float
    calibration: PlattScaling

    def mixed(self, read: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """The network's scores of each question's candidates, in the first stage's order, and its weight."""
        return [scores + np.float32(self.first_stage_weight) * _prior(scores) for scores in read]


def check_held_out(held_out: Sequence[Example]) -> None:
    """Raise `InvalidInput` for fewer than two questions: one half would be empty."""
    if len(held_out) < 2:
        raise InvalidInput(
            f"There are {len(held_out)} held-out questions; the calibration needs at least two.",
            hint="Hold out more pages.",
        )


def relevance(example: Example, depth: int) -> NDArray[np.bool_]:
    """Which of the first `depth` candidates are relevant, shape (n,)."""
    return np.array(
        [ordinal in example.question.relevant for ordinal in example.candidates[:depth]], np.bool_
    )


def halves(held_out: Sequence[Example]) -> tuple[Sequence[Example], Sequence[Example]]:
    """Those that are fitted on, and those that are scored.

    Raises:
        InvalidInput: fewer than two questions.
    """
    check_held_out(held_out)
    half = len(held_out) // 2
    return held_out[:half], held_out[half:]


def fit(read: Sequence[NDArray[np.float32]], relevant: Sequence[NDArray[np.bool_]]) -> Fitted:
    """Fit the first stage's weight and the calibration.

    Args:
        read: the network's scores of each question's candidates, in the first stage's order.
        relevant: which of them are relevant.

    Raises:
        InvalidInput: no question whose evidence was found.
    """
    weight = best_weight(read, relevant)
    mixed = Fitted(weight, PlattScaling(1.0, 0.0)).mixed(read)
    return Fitted(weight, calibration.fit(np.concatenate(mixed), np.concatenate(relevant)))


def scores_of(
    read: Sequence[NDArray[np.float32]],
    relevant: Sequence[NDArray[np.bool_]],
    fitted: Fitted,
    depth: int,
) -> Scores:
    """How good the ranker is on at least one question that nothing was fitted on; see `fit`."""
    mixed = fitted.mixed(read)
    probabilities = fitted.calibration.probabilities(np.concatenate(mixed))
    by_reading, by_both = _in_order(read, relevant), _in_order(mixed, relevant)
    return Scores(
        questions=len(relevant),
        depth=depth,
        first_hit_at_1=_hit(relevant, 1),
        first_hit_at_5=_hit(relevant, 5),
        reading_hit_at_1=_hit(by_reading, 1),
        reading_hit_at_5=_hit(by_reading, 5),
        hit_at_1=_hit(by_both, 1),
        hit_at_5=_hit(by_both, 5),
        calibration_error=calibration.expected_calibration_error(probabilities, np.concatenate(relevant)),
    )


def _prior(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    return rank_prior(-np.arange(len(scores)))


def _in_order(
    scores: Sequence[NDArray[np.float32]], relevant: Sequence[NDArray[np.bool_]]
) -> list[NDArray[np.bool_]]:
    return [truth[np.argsort(-s, kind="stable")] for s, truth in zip(scores, relevant, strict=True)]


def _hit(ranked: Sequence[NDArray[np.bool_]], k: int) -> float:
    return float(np.mean([truth[:k].any() for truth in ranked]))
