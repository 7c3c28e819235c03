"""Hits in a ranker's order."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.ranking.base import RankRequest, RankScores
from skerry.ranking.rerank import rerank
from skerry.retrieval.base import Hit
from skerry.retrieval.corpus.records import Passage, Span


class NumberRanker:
    """Reads the score from the text; remembers what it was asked."""

    name = "number"

    def __init__(self) -> None:
        self.asked: list[RankRequest] = []

    def score(self, requests: Sequence[RankRequest], deadline: Deadline) -> list[RankScores]:
        self.asked += requests
        raw = [np.array([float(c.text) for c in request.candidates], np.float32) for request in requests]
        return [RankScores(values, values / np.float32(100)) for values in raw]


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
    ranked = rerank(ranker, "query", found, Deadline(), depth=10)
    assert [item.hit for item in ranked] == [found[1], found[2], found[0]]
    assert [item.score for item in ranked] == [50, 20, 3]
    assert [item.calibrated for item in ranked] == pytest.approx([0.5, 0.2, 0.03])
    [request] = ranker.asked
    assert request.query == "query"
    assert [(c.title, c.text) for c in request.candidates] == [
        (f"Title {i}", n) for i, n in enumerate(["3", "50", "20"])
    ]
    assert [c.first_stage_score for c in request.candidates] == [hit.score for hit in found]


@given(st.lists(st.integers(0, 4), max_size=12), st.integers(0, 14))
def test_every_hit_once_ties_in_order_and_the_rest_behind(numbers: list[int], depth: int) -> None:
    ranked = rerank(NumberRanker(), "query", hits(numbers), Deadline(), depth)
    expected = sorted(range(min(depth, len(numbers))), key=lambda place: (-numbers[place], place))
    assert [item.hit.passage.ordinal for item in ranked] == [*expected, *range(len(expected), len(numbers))]
    for item in ranked[len(expected) :]:
        assert (item.score, item.calibrated) == (-math.inf, 0.0)


def test_no_hits_ask_nothing() -> None:
    ranker = NumberRanker()
    assert rerank(ranker, "query", [], Deadline(), depth=5) == ()
    assert len(rerank(ranker, "query", hits([1, 2]), Deadline(), depth=0)) == 2
    assert ranker.asked == []


def test_depth_below_zero() -> None:
    with pytest.raises(InvalidInput, match="-1"):
        rerank(NumberRanker(), "query", hits([1, 2]), Deadline(), depth=-1)
