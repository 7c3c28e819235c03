"""What is fitted on one half of the held-out questions and scored on the other."""

from __future__ import annotations

import numpy as np
import pytest

from skerry.core.errors import InvalidInput
from skerry.ranking.training.examples import Example, Question
from skerry.ranking.training.held_out import check_held_out, fit, halves, relevance, scores_of


def test_by_hand() -> None:
    # Ten questions of three candidates: the network finds the relevant one, the first stage has it second.
    read = [np.array([0.0, 3.0, -1.0], np.float32) + np.float32(n % 3) * 0.1 for n in range(10)]
    relevant = [np.array([False, True, False])] * 10
    fitted = fit(read[:5], relevant[:5])
    scores = scores_of(read[5:], relevant[5:], fitted, 3)
    assert (scores.questions, scores.depth) == (5, 3)
    assert (scores.first_hit_at_1, scores.first_hit_at_5) == (0, 1)
    assert (scores.reading_hit_at_1, scores.hit_at_1, scores.hit_at_5) == (1, 1, 1)
    assert fitted.first_stage_weight == pytest.approx(0, abs=1)
    assert fitted.calibration.slope > 0
    assert 0 <= scores.calibration_error < 0.2


def test_a_network_that_knows_nothing_gets_no_weight() -> None:
    generator = np.random.default_rng(0)
    read = [generator.normal(size=4).astype(np.float32) for _ in range(40)]
    relevant = [np.array([True, False, False, False])] * 40
    fitted = fit(read[:20], relevant[:20])
    assert scores_of(read[20:], relevant[20:], fitted, 4).first_hit_at_1 == 1
    assert fitted.first_stage_weight >= 0


def test_relevance_and_too_few() -> None:
    example = Example(Question("q", (), 3, frozenset({3, 5}), "p"), (1, 5, 2, 3), ())
    assert relevance(example, 3).tolist() == [False, True, False]
    assert relevance(example, 10).tolist() == [False, True, False, True]
    for held_out in ([], [example]):
        with pytest.raises(InvalidInput, match="at least two"):
            check_held_out(held_out)
        with pytest.raises(InvalidInput, match="at least two"):
            halves(held_out)
    check_held_out([example, example])
    assert halves([example] * 5) == ([example] * 2, [example] * 3)
