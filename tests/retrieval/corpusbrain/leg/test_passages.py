"""Passages of pages: the order beside the formula, written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.retrieval.base import Candidates
from skerry.retrieval.corpusbrain.passages import rank_passages

_SCORE = st.floats(-20, 20, width=32)


def candidates(scores: dict[int, float]) -> Candidates:
    order = sorted(scores, key=lambda ordinal: -scores[ordinal])
    return Candidates(np.array(order, np.int64), np.array([scores[o] for o in order], np.float32))


def slow(
    pages: list[tuple[float, list[int]]], said: list[dict[int, float]], weight: float
) -> dict[int, float]:
    ordinals = [ordinal for _, passages in pages for ordinal in passages]
    if not ordinals:
        return {}
    means = dict.fromkeys(ordinals, 0.0)
    for scores in said:
        lowest = min([0.0, *scores.values()])
        of = {ordinal: scores.get(ordinal, lowest) for ordinal in ordinals}
        mean = sum(of.values()) / len(of)
        deviation = math.sqrt(sum((score - mean) ** 2 for score in of.values()) / len(of))
        for ordinal in ordinals:
            means[ordinal] += (of[ordinal] - mean) / (deviation or 1.0) / len(said)
    total = math.log(sum(math.exp(mean) for mean in means.values())) if said else 0.0
    return {
        ordinal: score + weight * (means[ordinal] - total)
        for score, passages in pages
        for ordinal in passages
    }


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_scores_are_those_of_the_formula(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(0, 4), max_size=5))
    starts = np.cumsum([0, *sizes])
    pages = [
        (data.draw(_SCORE), list(range(start, start + size)))
        for start, size in zip(starts.tolist(), sizes, strict=False)
    ]
    data.draw(st.randoms()).shuffle(pages)
    ordinals = [ordinal for _, passages in pages for ordinal in passages]
    some = st.dictionaries(st.sampled_from(ordinals), _SCORE) if ordinals else st.just({})
    said = data.draw(st.lists(some, max_size=2))
    weight = data.draw(st.sampled_from([0.0, 0.5, 3.0]))
    ranked = rank_passages(
        np.array([score for score, _ in pages]),
        [np.array(passages, np.int64) for _, passages in pages],
        [candidates(scores) for scores in said],
        weight,
    )
    expected = slow(pages, said, weight)
    assert sorted(ranked.ordinals.tolist()) == sorted(expected)
    assert ranked.scores == pytest.approx([expected[o] for o in ranked.ordinals.tolist()], abs=1e-4)
    assert (np.diff(ranked.scores) <= 0).all()
    for ordinal, page in zip(ranked.ordinals.tolist(), ranked.pages.tolist(), strict=True):
        assert ordinal in pages[page][1]


def test_without_another_leg_pages_stand_whole_and_in_their_order() -> None:
    ranked = rank_passages(np.array([-2.0, -1.0]), [np.array([5, 6]), np.array([1, 2, 3])], [], 1.0)
    assert ranked.ordinals.tolist() == [1, 2, 3, 5, 6]
    assert ranked.scores.tolist() == [-1.0, -1.0, -1.0, -2.0, -2.0]
    assert ranked.pages.tolist() == [1, 1, 1, 0, 0]


def test_without_weight_other_legs_order_a_pages_passages_only() -> None:
    said = [candidates({3: 9.0, 6: 8.0, 5: 1.0})]
    ranked = rank_passages(np.array([-2.0, -1.0]), [np.array([5, 6]), np.array([1, 2, 3])], said, 0.0)
    assert ranked.ordinals.tolist() == [3, 1, 2, 6, 5]
