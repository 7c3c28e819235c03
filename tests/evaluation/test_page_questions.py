"""Questions with the pages that answer them, and their division by page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.core.models.store import ModelStore
from skerry.evaluation.gold import Output, Record
from skerry.evaluation.page_questions import page_questions, split_questions
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpusbrain.training.questions import PageQuestion
from skerry.retrieval.index.reader import Index


@pytest.fixture
def store(index_folder: Path, tmp_path: Path) -> Iterator[PassageStore]:
    with Index.open(index_folder, models=ModelStore(tmp_path)) as index:
        yield index.passages


def record(query: str, *outputs: list[dict[str, Any]] | None) -> Record:
    made = tuple(Output("x", None if places is None else tuple(places)) for places in outputs)
    return Record("1", 1, query, made, "gold.jsonl:1")


def page(name: object) -> dict[str, Any]:
    return {"wikipedia_id": name, "start_paragraph_id": 1}


@pytest.mark.parametrize(
    ("outputs", "pages"),
    [
        ([[page("otter")]], ("otter",)),
        ([[page("swift"), page("otter"), page("swift"), page(" otter ")]], ("swift", "otter")),
        ([[page("otter"), page("unicorn")], [page("heron")], [page("swift")]], ("heron",)),
        ([None, [], [{"title": "otter"}], [page("badger"), {"title": "otter"}]], ("badger",)),
    ],
)
def test_the_first_output_that_the_index_has_whole(
    store: PassageStore, outputs: list[Any], pages: tuple[str, ...]
) -> None:
    [question] = page_questions([record("Who sleeps?", *outputs)], store)
    assert question == PageQuestion("Who sleeps?", pages)


def test_what_is_left_out(store: PassageStore) -> None:
    found = page_questions(
        [
            record("kept", [page("otter")]),
            record("no output"),
            record("no provenance", None, []),
            record("of another corpus", [page("unicorn")], [page("otter"), page(7)]),
            record(" \n", [page("otter")]),
            record("kept too", [page("heron")]),
        ],
        store,
    )
    assert [question.query for question in found] == ["kept", "kept too"]


@given(
    st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=3), max_size=40),
    st.floats(0, 0.5),
    st.integers(0, 99),
)
def test_no_first_page_on_both_sides(pages: list[list[int]], share: float, seed: int) -> None:
    questions = [
        PageQuestion(f"question {number}", tuple(f"p{page}" for page in of))
        for number, of in enumerate(pages)
    ]
    training, held = split_questions(questions, share, seed)
    assert (training, held) == split_questions(questions, share, seed)
    assert sorted(training + held, key=questions.index) == questions
    first = [{question.page_ids[0] for question in side} for side in (training, held)]
    assert not first[0] & first[1]
    assert len(first[1]) == round(share * len(first[0] | first[1]))
    assert training or not questions


def test_seeds_divide_and_order_differently() -> None:
    questions = [PageQuestion(f"question {number}", (f"p{number // 2}",)) for number in range(80)]
    one, other = (split_questions(questions, 0.25, seed) for seed in (0, 1))
    assert len(one[1]) == len(other[1]) == 20
    assert set(one[1]) != set(other[1])
    assert one[0] != sorted(one[0], key=questions.index)
