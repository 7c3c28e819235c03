"""The first stage's order beside the ranker's score: hand-computed values."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skerry.core.deadline import Deadline
from skerry.core.models.store import ModelStore
from skerry.ranking.base import Candidate, RankRequest
from skerry.ranking.cross_encoder import CrossEncoder
from skerry.ranking.interpolation import candidates_prior, first_stage_ranks, rank_prior


def test_by_hand() -> None:
    expected = [-math.log(62 / 60), 0.0, -math.log(61 / 60)]
    assert rank_prior([0.1, 0.9, 0.5]) == pytest.approx(expected, abs=1e-7)


def test_equal_scores_share_a_rank() -> None:
    assert rank_prior([3.0, 5.0, 5.0, 1.0]) == pytest.approx(
        [-math.log(62 / 60), 0.0, 0.0, -math.log(63 / 60)], abs=1e-7
    )
    assert not rank_prior([0.0] * 4).any()
    assert rank_prior([]).shape == (0,)


def test_the_scale_does_not_matter() -> None:
    scores = np.random.default_rng(0).normal(size=30)
    assert (rank_prior(scores) == rank_prior(1000 * scores + 7)).all()


def test_a_part_of_a_list_has_the_whole_list_s_order() -> None:
    rng = np.random.default_rng(3)
    whole = tuple(Candidate("", "", float(score)) for score in rng.integers(0, 12, 30))
    ranks = first_stage_ranks(whole)
    assert ranks.tolist() == [
        sum(other.first_stage_score > one.first_stage_score for other in whole) for one in whole
    ]
    known = [replace(one, first_stage_rank=int(rank)) for one, rank in zip(whole, ranks, strict=True)]
    assert (candidates_prior(known[7:19]) == candidates_prior(whole)[7:19]).all()
    assert (candidates_prior(whole) == rank_prior([one.first_stage_score for one in whole])).all()
    assert candidates_prior([]).shape == (0,)


def test_the_ranker_weighs_the_first_stage_in(store: ModelStore, ranker_folder: Path) -> None:
    ranker = CrossEncoder(store, ranker_folder)
    texts = ("red boat", "blue sea", "green hill")
    plain = tuple(Candidate("", text) for text in texts)
    scored = tuple(replace(c, first_stage_score=s) for c, s in zip(plain, (1.0, 3.0, 2.0), strict=True))
    [without, with_order] = ranker.score(
        [RankRequest("boat", plain), RankRequest("boat", scored)], Deadline()
    )
    prior = rank_prior([1.0, 3.0, 2.0])
    assert with_order.raw - without.raw == pytest.approx(2.0 * prior, abs=1e-5)
    assert with_order.first_stage == pytest.approx(2.0 * prior, abs=1e-6)
