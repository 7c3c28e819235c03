"""R-precision, precision, recall and success over evidence sets: by hand, and against a slow version."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.core.errors import InvalidInput
from skerry.evaluation.evidence import Rank, evidence_sets, key_of, ranked_keys
from skerry.evaluation.gold import Record, parse_record
from skerry.evaluation.precision import precision_at
from skerry.evaluation.r_precision import r_precision
from skerry.evaluation.recall import recall_at
from skerry.evaluation.success import success_at

PAGE = ["wikipedia_id"]


def record(*provenances: list[Any] | None) -> Record:
    """A question whose outputs have these page ids; None for an output without provenance."""
    outputs: list[dict[str, Any]] = [
        {} if pages is None else {"provenance": [{"wikipedia_id": page} for page in pages]}
        for pages in provenances
    ]
    return parse_record(json.dumps({"id": 1, "output": outputs}).encode(), "test:1")


def rank(guess: list[str], *sets: set[str]) -> Rank:
    return Rank(guess, [frozenset(members) for members in sets])


def test_keys() -> None:
    assert key_of({"wikipedia_id": " 7 ", "section": 2}, ["wikipedia_id", "section"]) == "7+2"
    assert key_of({"wikipedia_id": 7}, ["wikipedia_id", "section"]) is None
    assert key_of({"wikipedia_id": None}, PAGE) == "None"


def test_ranked_keys_are_distinct_and_in_order() -> None:
    guess = record([3, "1", " 3", 1, 2])
    assert ranked_keys(guess.outputs[0], PAGE) == ["3", "1", "2"]
    assert ranked_keys(record(None).outputs[0], PAGE) == []


def test_evidence_sets_are_distinct() -> None:
    assert evidence_sets(record([1, 2], ["2", "1"], [], None, [3]), PAGE) == [
        frozenset({"1", "2"}),
        frozenset(),
        frozenset({"3"}),
    ]
    with pytest.raises(InvalidInput, match=r"test:1.*lacks.*section.*It has wikipedia_id"):
        evidence_sets(record([1]), ["wikipedia_id", "section"])


def test_a_set_stands_where_its_last_member_does() -> None:
    # 1 waits for 2; 9 is a miss; 2 completes the set, whose first place is given up.
    assert rank(["1", "9", "2", "3"], {"1", "2"}, {"3"}).places == [False, True, True]
    # Incomplete sets take a place and are no hit.
    assert rank(["1", "3"], {"1", "2"}, {"3"}).places == [False, True]
    # A page of two sets takes a place in each.
    assert rank(["1"], {"1"}, {"1", "2"}).places == [True, False]
    assert rank([], {"1"}).places == []


def test_at_k() -> None:
    found = rank(["1", "9", "3", "8"], {"1"}, {"3"}, {"4"})
    assert [recall_at(found, k) for k in (1, 2, 3, 9)] == [1 / 3, 1 / 3, 2 / 3, 2 / 3]
    assert [precision_at(found, k) for k in (1, 2, 3, 10)] == [1, 1 / 2, 2 / 3, 1 / 5]
    assert [success_at(rank(["9", "1"], {"1"}), k) for k in (1, 2)] == [0, 1]
    assert recall_at(rank(["1"]), 5) == 0


def test_r_precision() -> None:
    gold = record([1, 2, 2], [5], None, [])
    assert r_precision(["1", "7", "2"], gold, PAGE) == 1 / 2
    assert r_precision(["1", "2"], gold, PAGE) == 1
    assert r_precision(["5", "1"], gold, PAGE) == 1
    assert r_precision(["9", "5"], gold, PAGE) == 0
    assert r_precision([], gold, PAGE) == 0
    assert r_precision(["1"], record(None, []), PAGE) == 0


def slow_places(ranked: list[str], sets: list[frozenset[str]]) -> list[bool]:
    """Every set has the place of the last of its members found; other keys have their own."""
    points: list[tuple[int, int, bool]] = []
    for number, members in enumerate(sets):
        found = [place for place, key in enumerate(ranked) if key in members]
        if found:
            points.append((found[-1], number, len(found) == len(members)))
    for place, key in enumerate(ranked):
        if not any(key in members for members in sets):
            points.append((place, -1, False))
    return [hit for _, _, hit in sorted(points)]


KEYS = st.sampled_from("abcdef")


@settings(max_examples=500)
@given(st.lists(KEYS, unique=True), st.lists(st.frozensets(KEYS, max_size=3), unique=True, max_size=4))
def test_places_against_the_definition(ranked: list[str], sets: list[frozenset[str]]) -> None:
    found = Rank(ranked, sets)
    assert found.places == slow_places(ranked, sets)
    values = [recall_at(found, k) for k in range(1, 9)]
    assert values == sorted(values)
    assert all(precision_at(found, k) * k == pytest.approx(values[k - 1] * len(sets)) for k in range(1, 9))
    assert all(success_at(found, k) == (values[k - 1] > 0) for k in range(1, 9))
