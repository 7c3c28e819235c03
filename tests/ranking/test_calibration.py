"""Scores to probabilities, against data whose probabilities are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.core.errors import InvalidInput
from skerry.ranking.calibration import PlattScaling, expected_calibration_error, fit


@pytest.mark.parametrize(("slope", "intercept"), [(0.5, -2.0), (2.0, 1.0), (1.0, 0.0), (-0.7, 0.3)])
def test_recovers_what_the_data_were_made_from(slope: float, intercept: float) -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 2, 40_000).astype(np.float32)
    truth = PlattScaling(slope, intercept)
    relevant = rng.random(len(scores)) < truth.probabilities(scores)
    fitted = fit(scores, relevant)
    assert fitted.slope == pytest.approx(slope, abs=0.06)
    assert fitted.intercept == pytest.approx(intercept, abs=0.06)
    assert expected_calibration_error(fitted.probabilities(scores), relevant) < 0.01


def test_is_the_optimum_of_the_smoothed_likelihood() -> None:
    scores = np.array([-3, -1, 0, 0.5, 1, 4], np.float32)
    relevant = np.array([False, False, True, False, True, True])
    target = np.where(relevant, 4 / 5, 1 / 5)

    def loss(scaling: PlattScaling) -> float:
        logits = scaling.slope * scores.astype(np.float64) + scaling.intercept
        return float(np.sum(np.log1p(np.exp(-logits)) + (1 - target) * logits))

    best = fit(scores, relevant)
    for slope, intercept in [(1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3)]:
        assert loss(PlattScaling(best.slope + slope, best.intercept + intercept)) > loss(best)


@given(
    st.lists(st.floats(-1e4, 1e4, width=32), min_size=2, max_size=50), st.floats(0.01, 5), st.floats(-5, 5)
)
def test_monotone_and_within_zero_and_one(scores: list[float], slope: float, intercept: float) -> None:
    probabilities = PlattScaling(slope, intercept).probabilities(np.sort(np.array(scores, np.float32)))
    assert (np.diff(probabilities) >= 0).all()
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert probabilities.dtype == np.float32


def test_shapes() -> None:
    scaling = PlattScaling(1.0, 0.0)
    assert scaling.probabilities(np.zeros((2, 3), np.float32)).tolist() == [[0.5] * 3] * 2
    assert scaling.probabilities(np.zeros(0, np.float32)).shape == (0,)


def test_separable_and_constant_scores_give_finite_parameters() -> None:
    relevant = np.array([False] * 20 + [True] * 20)
    apart = fit(np.where(relevant, 5, -5).astype(np.float32), relevant)
    assert np.isfinite([apart.slope, apart.intercept]).all()
    assert apart.slope > 0
    same = fit(np.ones(40, np.float32), relevant)
    assert same.probabilities(np.ones(1, np.float32))[0] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("relevant", [[True, True], [False, False], []])
def test_one_class(relevant: list[bool]) -> None:
    with pytest.raises(InvalidInput, match="relevant and irrelevant"):
        fit(np.arange(len(relevant), dtype=np.float32), np.array(relevant, np.bool_))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_of_a_training_that_diverged(value: float) -> None:
    with pytest.raises(InvalidInput, match="diverged"):
        fit(np.array([0, value], np.float32), np.array([True, False]))


def test_expected_calibration_error_by_hand() -> None:
    probabilities = np.array([0.05, 0.15, 0.95, 0.85, 1.0], np.float32)
    relevant = np.array([False, True, True, False, True])
    # Bins [0, .1): 0.05 against 0; [.1, .2): 0.15 against 1; [.8, .9): 0.85 against 0; the last: 0.975, 1.
    by_hand = (1 * 0.05 + 1 * 0.85 + 1 * 0.85 + 2 * 0.025) / 5
    assert expected_calibration_error(probabilities, relevant) == pytest.approx(by_hand, abs=1e-6)
    # Two bins: (0.1 against 1/2) and (0.9333 against 2/3).
    halves = (2 * 0.4 + 3 * (2.8 / 3 - 2 / 3)) / 5
    assert expected_calibration_error(probabilities, relevant, bins=2) == pytest.approx(halves, abs=1e-6)
