"""Paragraph-level hits: spans that cover a gold paragraph, packed and split paragraphs, pages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.core.errors import InvalidInput
from skerry.evaluation.gold import Record, parse_record
from skerry.evaluation.paragraph import Place, gold_places, paragraph_hits, place_of


def question(*provenance: dict[str, Any]) -> Record:
    line = {"id": 1, "output": [{"provenance": list(provenance)}]}
    return parse_record(json.dumps(line).encode(), "gold:1")


def test_places() -> None:
    assert place_of({"wikipedia_id": 7, "start_paragraph_id": "2"}, "x") == Place("7", 2, 2)
    assert place_of({"wikipedia_id": "7", "start_paragraph_id": 2, "end_paragraph_id": 4}, "x") == Place(
        "7", 2, 4
    )
    assert place_of({"wikipedia_id": "7", "start_paragraph_id": None}, "x") == Place("7", None, None)
    assert place_of({"title": "t"}, "x") is None
    with pytest.raises(InvalidInput, match=r"x: .*'two'"):
        place_of({"wikipedia_id": 7, "start_paragraph_id": "two"}, "x")
    with pytest.raises(InvalidInput, match="backwards"):
        place_of({"wikipedia_id": 7, "start_paragraph_id": 3, "end_paragraph_id": 2}, "x")


def test_gold_places() -> None:
    two = question(
        {"wikipedia_id": "p", "start_paragraph_id": 1, "end_paragraph_id": 2},
        {"wikipedia_id": "q", "start_paragraph_id": 1, "end_paragraph_id": 1},
        {"wikipedia_id": "p", "start_paragraph_id": 2, "end_paragraph_id": 2},
    )
    assert gold_places(two) == ([("p", 1), ("p", 2), ("q", 1)], "paragraph")
    pages = question({"wikipedia_id": "p", "start_paragraph_id": 1}, {"wikipedia_id": "q"})
    assert gold_places(pages) == ([("p", None), ("q", None)], "page")
    assert gold_places(question()) == ([], "page")


def test_hits() -> None:
    golds = [("p", 3), ("q", 1)]
    passages = [Place("p", 1, 2), Place("x", 3, 3), Place("p", 2, 4), Place("p", 3, 3), Place("q", 1, 1)]
    hits = paragraph_hits(passages, golds)
    assert hits.ranks == (3, 5)
    assert [hits.hit_at(k) for k in (1, 2, 3, 9)] == [0, 0, 1, 1]
    assert [hits.recall_at(k) for k in (2, 3, 5)] == [0, 1 / 2, 1]
    assert hits.reciprocal_rank() == 1 / 3


def test_a_packed_passage_hits_each_of_its_paragraphs() -> None:
    assert paragraph_hits([Place("p", 1, 3)], [("p", 1), ("p", 3), ("p", 4)]).ranks == (1, 1, None)


def test_pages() -> None:
    hits = paragraph_hits([Place("x", 1, 1), Place("p", None, None)], [("p", None)])
    assert hits.ranks == (2,)
    assert paragraph_hits([Place("p", None, None)], [("p", 1)]).ranks == (None,)
    nothing = paragraph_hits([Place("p", 1, 1)], [])
    assert (nothing.hit_at(5), nothing.recall_at(5), nothing.reciprocal_rank()) == (0, 0, 0)


PAGES, NUMBERS = st.sampled_from("pqr"), st.integers(0, 4)
PASSAGES = st.builds(lambda page, a, b: Place(page, min(a, b), max(a, b)), PAGES, NUMBERS, NUMBERS)


@given(st.lists(PASSAGES, max_size=8), st.lists(st.tuples(PAGES, NUMBERS), unique=True), st.integers(1, 9))
def test_against_the_definition(passages: list[Place], golds: list[tuple[str, int | None]], k: int) -> None:
    covered = {
        (place.page, number)
        for place in passages[:k]
        for number in range(place.first or 0, (place.last or 0) + 1)
    }
    hits = paragraph_hits(passages, golds)
    assert hits.hit_at(k) == bool(covered & set(golds))
    assert hits.recall_at(k) == pytest.approx(len(covered & set(golds)) / len(golds) if golds else 0)
