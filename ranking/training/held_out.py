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
from skerry.ranking.interpolation import fit_weight, rank_prior
from skerry.ranking.training.examples import Example


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
    """The first stage's weight beside the network's score, the calibration of their sum, and the scores."""

    first_stage_weight: float
    calibration: PlattScaling
    scores: Scores


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


def fit_held_out(
    read: Sequence[NDArray[np.float32]], relevant: Sequence[NDArray[np.bool_]], depth: int
) -> Fitted:
    """Fit on the first half of the questions, score on the second.

    Args:
        read: the network's scores of each question's candidates, in the first stage's order.
        relevant: which of them are relevant.
        depth: candidates a question, at most.

    Raises:
        InvalidInput: none whose evidence was found in the half that the calibration is fitted on.
    """
    half = len(read) // 2
    priors = [rank_prior(-np.arange(len(scores))) for scores in read]
    weight = fit_weight(read[:half], priors[:half], relevant[:half])
    mixed = [scores + np.float32(weight) * prior for scores, prior in zip(read, priors, strict=True)]
    fitted = calibration.fit(np.concatenate(mixed[:half]), np.concatenate(relevant[:half]))
    probabilities = fitted.probabilities(np.concatenate(mixed[half:]))
    truth = relevant[half:]
    by_reading, by_both = _in_order(read[half:], truth), _in_order(mixed[half:], truth)
    scores = Scores(
        questions=len(truth),
        depth=depth,
        first_hit_at_1=_hit(truth, 1),
        first_hit_at_5=_hit(truth, 5),
        reading_hit_at_1=_hit(by_reading, 1),
        reading_hit_at_5=_hit(by_reading, 5),
        hit_at_1=_hit(by_both, 1),
        hit_at_5=_hit(by_both, 5),
        calibration_error=calibration.expected_calibration_error(probabilities, np.concatenate(truth)),
    )
    return Fitted(weight, fitted, scores)


def _in_order(
    scores: Sequence[NDArray[np.float32]], relevant: Sequence[NDArray[np.bool_]]
) -> list[NDArray[np.bool_]]:
    return [truth[np.argsort(-s, kind="stable")] for s, truth in zip(scores, relevant, strict=True)]


def _hit(ranked: Sequence[NDArray[np.bool_]], k: int) -> float:
    return float(np.mean([truth[:k].any() for truth in ranked]))
