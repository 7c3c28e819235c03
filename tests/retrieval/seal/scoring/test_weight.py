"""The weights of keys, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.retrieval.seal.scoring import Keys, ScoringOptions
from skerry.retrieval.seal.scoring.weight import key_weights, log_prior, unigram_weights, weight


def test_log_prior_by_hand() -> None:
    priors = log_prior(np.array([0, 15, 95, 195]), 195)
    assert priors.tolist() == pytest.approx([math.log(5 / 200), math.log(0.1), math.log(0.5), 0.0])
    assert log_prior(np.array([3]), 7, smoothing=1.0).tolist() == pytest.approx([math.log(0.5)])
    assert log_prior(np.array([0]), 0).tolist() == [0.0]


def test_weight_by_hand() -> None:
    # P = 1/2 has odds 1, a prior of 1/10 has odds 1/9; P = 1/5 has odds 1/4.
    s = np.log([0.5, 0.2, 0.1, 0.05])
    assert weight(s, np.log(np.full(4, 0.1))).tolist() == pytest.approx(
        [math.log(9), math.log(9 / 4), 0, 0], abs=1e-12
    )


def test_weight_at_the_edges() -> None:
    assert weight(np.array([-np.inf, -1.0, 0.0]), np.zeros(3)).tolist() == [0, 0, 0]  # it is everywhere
    assert weight(np.array([-np.inf]), np.log([0.1])).tolist() == [0]  # it cannot be
    certain = weight(np.array([0.0, 1e-7, -1e-6]), np.log(np.full(3, 0.5)))  # P = 1, and rounded above it
    assert certain.tolist() == pytest.approx([math.log(1e6)] * 3, rel=1e-6)
    tiny = weight(np.array([-700.0]), np.array([-720.0]))
    assert tiny.tolist() == pytest.approx([20.0])


@given(st.floats(-600, -1e-5), st.floats(-30, -1e-5))
def test_weight_is_the_log_of_a_ratio_of_odds(s: float, u: float) -> None:
    p, q = math.exp(s), math.exp(u)
    expected = max(0.0, math.log(p) - math.log(-math.expm1(s)) - math.log(q) + math.log(-math.expm1(u)))
    assert weight(np.array([s]), np.array([u]))[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert weight(np.array([s]), np.array([u]))[0] <= weight(np.array([s / 2]), np.array([u]))[0] + 1e-9


def test_key_weights_by_hand() -> None:
    # All have odds 1 under the model and 1/9 in the corpus.
    keys = Keys(
        np.array([0, 2, 4, 6, 7]),
        np.arange(7, dtype=np.uint32),
        np.log(np.full(4, 0.5)),
        np.array([[0, 15], [20, 35], [1, 16], [100, 115]]),
        np.array([0, 1, 2, 2], np.uint8),
    )
    w = math.log(9)
    assert key_weights(keys, 195, ScoringOptions()).tolist() == pytest.approx([w**2, w**2, w**2, w])
    tuned = ScoringOptions(power=3.0, title_factor=2.0, query_factor=0.5, unigram_factor=0.25)
    assert key_weights(keys, 195, tuned).tolist() == pytest.approx([w**3, 2 * w**3, w**3 / 2, w / 4])
    singles = ScoringOptions(unigram_power=2.0, unigram_factor=0.25)
    assert key_weights(keys, 195, singles)[3] == pytest.approx(w**2 / 4)
    own = ScoringOptions(query_tokens=True, query_factor=3.0, unigram_factor=0.25)
    assert key_weights(keys, 195, own).tolist() == pytest.approx([w**2, w**2, 3 * w**2, 3 * w**2])
    smoother = key_weights(keys, 195, ScoringOptions(smoothing=25.0, power=1.0))
    assert smoother[0] == pytest.approx(math.log(180 / 40))  # 15 + 25 of 195 + 25


def test_unigram_weights_by_hand() -> None:
    log_probs = np.log(np.array([0.4, 0.3, 0.2, 0.05, 0.05, 0.0001], np.float32))
    counts = np.array([5, 0, 150, 5, 5])  # the last column is no token of the corpus
    tokens, weights = unigram_weights(log_probs, counts, 195, ScoringOptions())
    # Token 1 does not occur; token 2 is commoner than likely; 3 and 4 are exactly as likely as common.
    assert tokens.tolist()[:1] == [0]
    assert weights[0] == pytest.approx(math.log((0.4 / 0.6) / (0.05 / 0.95)), rel=1e-6)
    assert weights[1:].tolist() == pytest.approx([0] * len(weights[1:]), abs=1e-6)
    for kept, expected in ((0, []), (1, [0]), (2, [0])):
        assert unigram_weights(log_probs, counts, 195, ScoringOptions(unigrams=kept))[0].tolist() == expected
    halved = unigram_weights(log_probs, counts, 195, ScoringOptions(unigrams=1, unigram_factor=0.5))
    assert halved[1][0] == pytest.approx(weights[0] / 2)
    squared = unigram_weights(log_probs, counts, 195, ScoringOptions(unigrams=1, unigram_power=2.0))
    assert squared[1][0] == pytest.approx(weights[0] ** 2)
    none = unigram_weights(np.zeros(0, np.float32), counts, 195, ScoringOptions())
    assert len(none[0]) == 0
