"""Beam search against slow searches, with real models and with drawn log-probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, DeadlineExceeded, InvalidInput
from skerry.retrieval.corpusbrain.decoding import Found, search
from skerry.retrieval.corpusbrain.model.base import State, Tokens
from skerry.retrieval.corpusbrain.naming import Names, name_pages
from skerry.retrieval.corpusbrain.title_tree import TitleTree, build_tree

from .. import tiny  # noqa: TID252 -- the room's models
from .exhaustive import score_all
from .stub import END, StubModel, plain_search


def tree_of(names: Sequence[Sequence[int]], end: int, folder: Path) -> TitleTree:
    tokens = np.array([token for name in names for token in name], "u4")
    build_tree(Names(tokens, np.cumsum([0, *map(len, names)])), end, folder / "tree")
    return TitleTree.open(folder / "tree")


def named(case: tiny.Case, titles: Sequence[str], folder: Path) -> tuple[list[list[int]], TitleTree]:
    names = name_pages(titles, case.model.encode_titles)
    tokens = [names[page].tolist() for page in range(len(names))]
    return tokens, tree_of(tokens, case.model.end, folder)


def agree(found: Sequence[Found], expected: Sequence[Found]) -> None:
    """The same but for rounding."""
    assert [one.page for one in found] == [one.page for one in expected]
    assert [(one.tokens, one.place) for one in found] == [(one.tokens, one.place) for one in expected]
    np.testing.assert_allclose(
        [one.log_prob for one in found], [one.log_prob for one in expected], atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("titles", [1, 2])
def test_with_enough_beams_every_title_is_found_and_scored(
    case: tiny.Case, tmp_path: Path, titles: int
) -> None:
    names, tree = named(case, tiny.TITLES if titles == 1 else tiny.TITLES[:4], tmp_path)
    every = search(case.model, tree, tiny.QUERIES, len(names) ** titles, titles)
    for query, found in zip(tiny.QUERIES, every, strict=True):
        scores = score_all(case, query, names, titles)
        expected = [Found(page, *scores[page]) for page in sorted(scores, key=lambda page: -scores[page][0])]
        agree(found, expected)
        assert len(found) == len(names)


@pytest.mark.parametrize("beams", [1, 3])
def test_queries_together_find_what_each_finds_alone(case: tiny.Case, tmp_path: Path, beams: int) -> None:
    _, tree = named(case, tiny.TITLES, tmp_path)
    together = search(case.model, tree, tiny.QUERIES, beams, 2)
    in_turn = search(case.model, tree, tiny.QUERIES, beams, 2, most_rows=2 * beams)
    for query, one, other in zip(tiny.QUERIES, together, in_turn, strict=True):
        [alone] = search(case.model, tree, [query], beams, 2)
        agree(one, alone)
        agree(other, alone)
    assert search(case.model, tree, [], beams) == []


def test_a_page_of_equal_title_is_found_too(case: tiny.Case, tmp_path: Path) -> None:
    names, tree = named(case, ["York", "York", "new york", "York"], tmp_path)
    [found] = search(case.model, tree, ["york"], 10)
    assert sorted(one.page for one in found) == [0, 1, 2, 3]
    assert {one.page: one.tokens for one in found} == {p: len(n) + 1 for p, n in enumerate(names)}


NAMES = st.lists(
    st.lists(st.integers(2, 6), min_size=1, max_size=5).map(tuple), min_size=1, max_size=25, unique=True
)


@settings(deadline=None, max_examples=25)
@given(NAMES, st.integers(1, 30), st.integers(1, 3), st.sampled_from(["a", "bc"]))
def test_the_best_are_those_of_a_plain_beam_search(
    tmp_path_factory: pytest.TempPathFactory,
    names: list[tuple[int, ...]],
    beams: int,
    titles: int,
    query: str,
) -> None:
    tree = tree_of(names, END, tmp_path_factory.mktemp("tree"))
    model = StubModel()
    [found] = search(model, tree, [query], beams, titles)
    plain = plain_search(model, names, query, beams, titles)
    best = sorted(plain.values(), reverse=True)[:beams]
    np.testing.assert_allclose([one.log_prob for one in found][: len(best)], best, atol=1e-5)
    assert len(found) >= len(best)
    assert all(one.log_prob <= plain[one.page] + 1e-5 for one in found)


@settings(deadline=None, max_examples=25)
@given(NAMES, st.integers(1, 30), st.booleans())
def test_what_is_found_is_in_the_tree_and_rightly_scored(
    tmp_path_factory: pytest.TempPathFactory, names: list[tuple[int, ...]], beams: int, normalises: bool
) -> None:
    tree = tree_of(names, END, tmp_path_factory.mktemp("tree"))
    model = StubModel(normalises=normalises)
    [found] = search(model, tree, ["q"], beams)
    every = plain_search(model, names, "q", len(names), 1)
    for one in found:
        assert one.log_prob == pytest.approx(every[one.page], abs=1e-5)
        assert (one.tokens, one.place) == (len(names[one.page]) + 1, 0)
    assert [one.log_prob for one in found] == sorted((one.log_prob for one in found), reverse=True)
    assert len({one.page for one in found}) == len(found) >= 1
    if beams >= len(names):
        assert {one.page for one in found} == set(every)


@settings(deadline=None, max_examples=25)
@given(NAMES, st.integers(1, 8), st.booleans(), st.data())
def test_among_some_pages_the_others_are_no_candidates(
    tmp_path_factory: pytest.TempPathFactory,
    names: list[tuple[int, ...]],
    beams: int,
    normalises: bool,
    data: st.DataObject,
) -> None:
    tree = tree_of(names, END, tmp_path_factory.mktemp("tree"))
    wanted = data.draw(st.sets(st.integers(0, len(names) - 1), min_size=1))
    whole = [(*names[page], END) for page in wanted]
    ways = {tree.walk(name[:size]) for name in whole for size in range(len(name) + 1)}
    among = np.array(sorted(ways), np.int64)
    model = StubModel(normalises=normalises)
    [found] = search(model, tree, ["q"], beams, among=among)
    every = {one.page: one for one in search(model, tree, ["q"], len(names))[0]}
    assert found
    assert {one.page for one in found} <= wanted
    assert found == [every[one.page] for one in found]
    [enough] = search(model, tree, ["q"], len(wanted), among=among)
    assert {one.page for one in enough} == wanted


def test_what_is_certain_is_not_asked(tmp_path: Path) -> None:
    one_page = tree_of([(5, 6, 7, 8)], END, tmp_path)
    model = StubModel(normalises=True)
    assert search(model, one_page, ["q"], 3) == [[Found(0, 0.0, 5, 0)]]
    assert model.asked == 0
    assert search(model, one_page, ["q"], 3, titles=3) == [[Found(0, 0.0, 5, 0)]]
    model.asked = 0
    branching = tree_of([(5, 6, 7, 8), (5, 6, 9, 2, 3, 4), (6, 7, 8, 9, 5)], END, tmp_path)
    [found] = search(model, branching, ["q"], 3)
    assert len(found) == 3
    assert model.asked == 3  # at the root, after 5, and after 5 6
    [found] = search(StubModel(), one_page, ["q"], 3)
    assert found[0].log_prob < 0


def test_a_model_that_stops_finds_no_second_title(tmp_path: Path) -> None:
    class Stopping(StubModel):
        def log_prob(self, query: str, begun: tuple[int, ...], token: int, allowed: Sequence[int]) -> float:
            if self.stop in allowed:
                return 0.0 if token == self.stop else -np.inf
            return super().log_prob(query, begun, token, allowed)

    names = [(5, 6), (5, 7), (8,), (9, 9)]
    tree = tree_of(names, END, tmp_path)
    for normalises in (False, True):
        model = Stopping(normalises=normalises)
        assert search(model, tree, ["q"], 4, 3) == search(model, tree, ["q"], 4, 1)


def test_a_sequence_ends_with_the_models_room(tmp_path: Path) -> None:
    tree = tree_of([(5, 6), (5, 7), (8,), (9, 9)], END, tmp_path)
    [found] = search(StubModel(room=2), tree, ["q"], 4, 3)
    assert [one.page for one in found] == [2]


def test_deadlines(tmp_path: Path) -> None:
    names = [(5, 6, 7), (5, 6, 8), (8,)]
    tree = tree_of(names, END, tmp_path)
    with pytest.raises(DeadlineExceeded, match="generating titles"):
        search(StubModel(), tree, ["q"], 2, deadline=Deadline(0))
    deadline = Deadline()

    class Leaving(StubModel):
        def log_probs(self, state: State, allowed: Sequence[Tokens]) -> list[NDArray[np.float32]]:
            deadline.cancel()
            return super().log_probs(state, allowed)

    model = Leaving()
    with pytest.raises(Cancelled):
        search(model, tree, ["q"], 2, deadline=deadline)
    assert model.asked == 1


def test_bad_input(tmp_path: Path) -> None:
    tree = tree_of([(5, 6)], END, tmp_path)
    for beams, titles, most_rows in ((0, 1, 9), (-1, 1, 9), (2, 0, 9), (2, 1, 0)):
        with pytest.raises(InvalidInput, match="must be 1 or more"):
            search(StubModel(), tree, ["q"], beams, titles, most_rows=most_rows)
    with pytest.raises(InvalidInput, match="end with token"):
        search(StubModel(end=3), tree, ["q"], 2)
