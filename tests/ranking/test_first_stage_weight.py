"""The first stage's weight: what watched questions teach, beside a slow search."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from skerry.ranking.interpolation import rank_prior
from skerry.ranking.training.first_stage_weight import best_weight

Lists = tuple[list[NDArray[np.float32]], list[NDArray[np.bool_]]]


def drawn(weight: float, questions: int, relevant: int, seed: int) -> Lists:
    """Scores of 20 to 30 candidates; relevant are those that score + weight * prior makes likely."""
    rng = np.random.default_rng(seed)
    read, truth = [], []
    for _ in range(questions):
        size = int(rng.integers(20, 31))
        score = rng.normal(size=size).astype(np.float32)
        likelihood = np.exp(2 * (score + weight * rank_prior(-np.arange(size))))
        chosen = rng.choice(size, relevant, replace=False, p=likelihood / likelihood.sum())
        read.append(score)
        truth.append(np.isin(np.arange(size), chosen))
    return read, truth


def precision(read: Lists, weight: float) -> float:
    """Mean average precision, candidate by candidate."""
    found = []
    for scores, truth in zip(*read, strict=True):
        order = np.argsort(-(scores + weight * rank_prior(-np.arange(len(scores)))), kind="stable")
        ranks = [rank for rank, place in enumerate(order, 1) if truth[place]]
        found.append(np.mean([number / rank for number, rank in enumerate(ranks, 1)]))
    return float(np.mean(found))


@pytest.mark.parametrize("relevant", [1, 8])
def test_a_weight_is_recovered(relevant: int) -> None:
    lists = drawn(12, 400, relevant, 1)
    weight = best_weight(*lists)
    assert 5 < weight < 30
    best = max(precision(lists, w) for w in np.linspace(0, 100, 60))
    assert precision(lists, weight) > best - 0.005


def test_a_ranker_of_no_use_leaves_the_first_stage_its_order() -> None:
    rng = np.random.default_rng(0)
    read = [rng.normal(size=30).astype(np.float32) for _ in range(60)]
    truth = [np.arange(30) < 3] * 60
    mixed = [scores + best_weight(read, truth) * rank_prior(-np.arange(30)) for scores in read]
    assert np.mean([scores.argmax() == 0 for scores in mixed]) > 0.9


def test_a_first_stage_that_misleads_has_no_weight() -> None:
    rng = np.random.default_rng(2)
    read = [rng.normal(size=10).astype(np.float32) for _ in range(100)]
    truth = [np.arange(10) == (9 if i % 3 else int(s.argmax())) for i, s in enumerate(read)]
    assert best_weight(read, truth) < 2


def test_scale_does_not_matter() -> None:
    read, truth = drawn(3, 100, 2, 4)
    assert best_weight([100 * s for s in read], truth) == pytest.approx(100 * best_weight(read, truth))


def test_nothing_to_learn_from() -> None:
    scores = np.arange(3, dtype=np.float32)
    assert best_weight([scores], [np.zeros(3, np.bool_)]) == 0.0
    assert best_weight([], []) == 0.0
    # One candidate, and scores that are all the same.
    assert best_weight([scores[:1]], [np.ones(1, np.bool_)]) == 0.0
    assert np.isfinite(best_weight([np.zeros(4, np.float32)], [np.arange(4) == 0]))
