"""How much the first stage's order weighs beside a ranker's scores: by the order of watched questions.

The likelihood of the first place would say little where dozens of candidates are relevant; average precision
looks at all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skerry.ranking.interpolation import rank_prior

_STEPS = 25
_WIDEST = 6.0
"""Weights from 2^-6 to 2^6 times that at which the scores and the order spread alike."""


def best_weight(read: Sequence[NDArray[np.float32]], relevant: Sequence[NDArray[np.bool_]]) -> float:
    """The weight w >= 0 of score + w * rank_prior with the highest mean average precision, of 26.

    Each is judged together with its neighbours: on few questions a single one may be lucky.

    Args:
        read: a ranker's scores of each question's candidates, in the first stage's order, shape (n,).
        relevant: which of them are; questions without one tell nothing.

    Returns:
        0 where there is nothing to go by.
    """
    lists = [(s, t) for s, t in zip(read, relevant, strict=True) if t.any()]
    if not lists:
        return 0.0
    width = max(len(scores) for scores, _ in lists)
    scores = np.zeros((len(lists), width))
    behind = np.zeros((len(lists), width))
    truth = np.zeros((len(lists), width), np.bool_)
    for row, (own, relevance) in enumerate(lists):
        scores[row, : len(own)], truth[row, : len(own)] = own, relevance
        behind[row, len(own) :] = -np.inf
    prior = rank_prior(-np.arange(width)).astype(np.float64)
    spread = float(np.mean([own.std() for own, _ in lists])) / max(float(prior.std()), 1e-12)
    weights = np.concatenate([[0.0], spread * 2.0 ** np.linspace(-_WIDEST, _WIDEST, _STEPS)])
    precisions = np.array([_mean_precision(scores + w * prior + behind, truth) for w in weights])
    padded = np.pad(precisions, 1, mode="edge")
    together = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return float(weights[int(together.argmax())])


def _mean_precision(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.take_along_axis(truth, order, axis=1)
    found = ranked.cumsum(axis=1) / np.arange(1, ranked.shape[1] + 1)
    return float(((found * ranked).sum(axis=1) / ranked.sum(axis=1)).mean())
