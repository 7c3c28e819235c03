"""Hits in a ranker's order."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.ranking.cascade import Cascade
from skerry.ranking.plan import RankPlan
from skerry.ranking.ranked import Reading, StoppedBy
from skerry.ranking.rerank import rerank
from skerry.retrieval.base import Hit
from skerry.retrieval.corpus.records import Passage, Span

from .readers import NumberRanker


def hits(numbers: Sequence[int]) -> list[Hit]:
    return [
        Hit(
            Passage(place, f"p#{place}", "p", f"Title {place}", "", str(number), Span(1, 0, 1, 1)),
            1 / (1 + place),
        )
        for place, number in enumerate(numbers)
    ]


def test_best_first_with_scores() -> None:
    ranker, found = NumberRanker(), hits([3, 50, 20])
    ranked, reading = rerank(Cascade.of(ranker), "query", found, RankPlan(depth=10), Deadline())
    assert reading == Reading("number", "", 3, StoppedBy.DEPTH)
    assert [item.hit for item in ranked] == [found[1], found[2], found[0]]
    assert [item.score for item in ranked] == [50, 20, 3]
    assert [item.calibrated for item in ranked] == pytest.approx([0.5, 0.2, 0.03])
    assert [item.explanation for item in ranked] == [None] * 3
    [request] = ranker.asked
    assert request.query == "query"
    assert [(c.title, c.text) for c in request.candidates] == [
        (f"Title {i}", n) for i, n in enumerate(["3", "50", "20"])
    ]
    assert [c.first_stage_score for c in request.candidates] == [hit.score for hit in found]


@given(st.lists(st.integers(0, 4), max_size=12), st.integers(1, 14))
def test_every_hit_once_ties_in_order_and_the_rest_behind(numbers: list[int], depth: int) -> None:
    ranked, _ = rerank(Cascade.of(NumberRanker()), "query", hits(numbers), RankPlan(depth=depth), Deadline())
    expected = sorted(range(min(depth, len(numbers))), key=lambda place: (-numbers[place], place))
    assert [item.hit.passage.ordinal for item in ranked] == [*expected, *range(len(expected), len(numbers))]
    for item in ranked[len(expected) :]:
        assert (item.score, item.calibrated) == (-math.inf, 0.0)


def test_hits_say_what_moved_them() -> None:
    plan = RankPlan(depth=2, explain=True)
    ranked, _ = rerank(Cascade.of(NumberRanker()), "query", hits([3, 50, 20]), plan, Deadline())
    places = [(item.explanation.before, item.explanation.after) for item in ranked if item.explanation]
    assert places == [(2, 1), (1, 2), (3, 3)]


def test_no_hits_ask_nothing() -> None:
    ranker = NumberRanker()
    assert rerank(Cascade.of(ranker), "query", [], RankPlan(depth=5), Deadline())[0] == ()
    assert ranker.asked == []


def test_a_depth_of_nothing() -> None:
    with pytest.raises(InvalidInput, match="depth is 0"):
        rerank(Cascade.of(NumberRanker()), "query", hits([1, 2]), RankPlan(depth=0), Deadline())
