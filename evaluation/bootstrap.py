"""How sure an average is: percentile bootstrap, and a paired test of two systems on the same questions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skerry.core.errors import InvalidInput

_BLOCK = 200


def interval(
    values: Sequence[float], *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """The percentile bootstrap interval of the mean of at least one value; deterministic."""
    if not values or not 0 < confidence < 1 or resamples < 1:
        raise InvalidInput("A bootstrap needs values, a confidence between 0 and 1, and resamples.")
    means = _resampled_means(np.asarray(values, np.float64), resamples, seed)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def paired_p_value(
    first: Sequence[float], second: Sequence[float], *, resamples: int = 10_000, seed: int = 0
) -> float:
    """Two-sided p-value of the mean difference under random swaps of the systems, question by question."""
    if not first or len(first) != len(second) or resamples < 1:
        raise InvalidInput("A paired test needs the same questions in both systems, and resamples.")
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    observed = abs(differences.mean())
    random = np.random.default_rng(seed)
    extreme = 0
    for start in range(0, resamples, _BLOCK):
        rows = min(_BLOCK, resamples - start)
        signs = random.integers(0, 2, (rows, len(differences)), dtype=np.int8) * 2 - 1
        extreme += int((np.abs(signs @ differences) / len(differences) >= observed - 1e-12).sum())
    return (extreme + 1) / (resamples + 1)


def _resampled_means(values: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    means = np.empty(resamples)
    for start in range(0, resamples, _BLOCK):
        rows = min(_BLOCK, resamples - start)
        means[start : start + rows] = values[random.integers(0, len(values), (rows, len(values)))].mean(
            axis=1
        )
    return means
