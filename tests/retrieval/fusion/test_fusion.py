"""Fusions: sums worked out by hand, and what must hold for any lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.core.errors import NotFound
from skerry.retrieval.fusion import FUSIONS, Fusion, LegList


def leg(found: dict[int, float], weight: float = 1.0) -> LegList:
    return LegList(np.array(list(found), np.int64), np.array(list(found.values()), np.float32), weight)


@st.composite
def lists(draw: st.DrawFn) -> LegList:
    ordinals = draw(st.lists(st.integers(0, 30), unique=True, max_size=20))
    scores = draw(
        st.lists(
            st.integers(-1000, 1000).map(lambda n: n / 8), min_size=len(ordinals), max_size=len(ordinals)
        )
    )
    weight = draw(st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.0]))
    return leg(dict(zip(ordinals, sorted(scores, reverse=True), strict=True)), weight)


@pytest.fixture(params=["rrf", "convex"])
def fusion(request: pytest.FixtureRequest) -> Fusion:
    return FUSIONS.load(request.param)


def test_rrf_by_hand() -> None:
    fused = FUSIONS.load("rrf")([leg({7: 9.0, 3: 8.0}), leg({3: 0.5, 5: 0.4}, weight=2.0)])
    assert fused.ordinals.tolist() == [3, 5, 7]
    assert fused.scores.tolist() == pytest.approx([1 / 62 + 2 / 61, 2 / 62, 1 / 61])


def test_convex_by_hand() -> None:
    fused = FUSIONS.load("convex")([leg({7: 10.0, 3: 6.0, 9: 2.0}), leg({3: 0.9, 5: 0.3}, weight=3.0)])
    # Leg one, a quarter of the weight: 7 is 1, 3 is 0.5, 9 is 0. Leg two, three quarters: 3 is 1, 5 is 0.
    assert fused.ordinals.tolist() == [3, 7, 5, 9]
    assert fused.scores.tolist() == pytest.approx([0.25 * 0.5 + 0.75, 0.25, 0.0, 0.0])


def test_convex_of_equal_scores_counts_what_was_found() -> None:
    fused = FUSIONS.load("convex")([leg({4: 2.0, 1: 2.0}), leg({8: 5.0, 1: 3.0})])
    assert fused.ordinals.tolist() == [1, 4, 8]
    assert fused.scores.tolist() == pytest.approx([0.5, 0.5, 0.5])


def test_equal_scores_stand_by_ordinal(fusion: Fusion) -> None:
    fused = fusion([leg({9: 3.0}), leg({2: 1.0}), leg({5: 7.0})])
    assert fused.ordinals.tolist() == [2, 5, 9]


def test_no_lists_and_empty_lists(fusion: Fusion) -> None:
    assert fusion([]).ordinals.tolist() == []
    assert fusion([leg({}), leg({})]).ordinals.tolist() == []
    assert fusion([leg({}), leg({6: 1.0})]).ordinals.tolist() == [6]


def test_legs_without_weight_order_nothing(fusion: Fusion) -> None:
    fused = fusion([leg({4: 2.0, 1: 1.0}, weight=0.0)])
    assert fused.ordinals.tolist() == [1, 4]
    assert fused.scores.tolist() == [0.0, 0.0]


@given(st.lists(lists(), max_size=5), st.randoms(use_true_random=False), st.sampled_from(["rrf", "convex"]))
def test_order_of_legs_does_not_matter(legs: list[LegList], random: object, name: str) -> None:
    fusion = FUSIONS.load(name)
    shuffled = list(legs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = fusion(legs), fusion(shuffled)
    if name == "rrf":
        assert one.ordinals.tolist() == other.ordinals.tolist()
    assert dict(zip(one.ordinals.tolist(), one.scores, strict=True)) == pytest.approx(
        dict(zip(other.ordinals.tolist(), other.scores, strict=True))
    )


@given(st.lists(lists(), max_size=5), st.sampled_from(["rrf", "convex"]))
def test_every_passage_once_best_first(legs: list[LegList], name: str) -> None:
    fused = FUSIONS.load(name)(legs)
    assert sorted(fused.ordinals.tolist()) == sorted({int(o) for each in legs for o in each.ordinals})
    ranking = list(zip(-fused.scores, fused.ordinals, strict=True))
    assert ranking == sorted(ranking)


@given(lists())
def test_one_leg_keeps_its_order_in_rrf(only: LegList) -> None:
    assert FUSIONS.load("rrf")([only]).ordinals.tolist() == only.ordinals.tolist()


@given(lists())
def test_one_leg_keeps_its_scores_order_in_convex(only: LegList) -> None:
    scores = dict(zip(only.ordinals.tolist(), only.scores.tolist(), strict=True))
    fused = [scores[ordinal] for ordinal in FUSIONS.load("convex")([only]).ordinals.tolist()]
    assert fused == sorted(fused, reverse=True)


@given(st.lists(lists(), min_size=1, max_size=4), st.data())
def test_a_better_rank_never_lowers_a_passage(legs: list[LegList], data: st.DataObject) -> None:
    which = data.draw(st.sampled_from(range(len(legs))))
    old = legs[which]
    if len(old.ordinals) < 2:
        return
    place = data.draw(st.integers(1, len(old.ordinals) - 1))
    passage = int(old.ordinals[place])
    moved = old.ordinals.copy()
    moved[[place - 1, place]] = moved[[place, place - 1]]
    better = [*legs[:which], LegList(moved, old.scores, old.weight), *legs[which + 1 :]]
    for name in ("rrf", "convex"):
        fusion = FUSIONS.load(name)
        before, after = fusion(legs), fusion(better)
        rank_before = before.ordinals.tolist().index(passage)
        rank_after = after.ordinals.tolist().index(passage)
        if name == "rrf":
            assert rank_after <= rank_before
        assert after.scores[rank_after] >= before.scores[rank_before] - 1e-12


def test_unknown_fusion_names_the_known_ones() -> None:
    with pytest.raises(NotFound, match="convex, rrf"):
        FUSIONS.load("rff")
