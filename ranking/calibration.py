"""Platt scaling (Platt 1999): a raw score to the probability that the candidate answers the query."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class PlattScaling:
    """p = 1 / (1 + exp(-(slope * score + intercept)))."""

    slope: float
    intercept: float

    def probabilities(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities in [0, 1], float32 in the shape of `scores`."""
        logits = np.clip(self.slope * scores.astype(np.float64) + self.intercept, -60.0, 60.0)
        return (1.0 / (1.0 + np.exp(-logits))).astype(np.float32)


def fit(scores: NDArray[np.float32], relevant: NDArray[np.bool_]) -> PlattScaling:
    """Maximum likelihood by Newton's method on Platt's smoothed targets.

    Args:
        scores, relevant: shape (n,), of held-out candidates.

    Raises:
        InvalidInput: only relevant or only irrelevant candidates, or scores that are no numbers.
    """
    if not np.isfinite(scores).all():
        raise InvalidInput(
            "The ranker's scores are not finite: its training diverged.",
            hint="Choose a smaller learning rate.",
        )
    positives, negatives = int(relevant.sum()), int((~relevant).sum())
    if not positives or not negatives:
        raise InvalidInput(
            f"Calibration needs relevant and irrelevant candidates; there are {positives} and {negatives}.",
            hint="Hold out more questions.",
        )
    target = np.where(relevant, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.stack([scores.astype(np.float64), np.ones(len(scores))], axis=1)
    weights = np.array([0.0, np.log((positives + 1) / (negatives + 1))])
    for _ in range(100):
        probability = 1.0 / (1.0 + np.exp(-np.clip(design @ weights, -60.0, 60.0)))
        gradient = design.T @ (probability - target)
        curvature = (design * (probability * (1 - probability))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        # Far from the optimum a full Newton step can overshoot.
        step *= min(1.0, 2.0 / max(1e-12, float(np.abs(step).max())))
        weights -= step
        if float(np.abs(step).max()) < 1e-9:
            break
    return PlattScaling(float(weights[0]), float(weights[1]))


def expected_calibration_error(
    probabilities: NDArray[np.float32], relevant: NDArray[np.bool_], bins: int = 10
) -> float:
    """Size-weighted mean over equal-width bins of |share relevant - mean probability| (Guo et al. 2017)."""
    which = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    error = 0.0
    for bin_number in range(bins):
        inside = which == bin_number
        if inside.any():
            gap = float(relevant[inside].mean()) - float(probabilities[inside].mean())
            error += abs(gap) * float(inside.mean())
    return error
