"""Titles beside a memory, against sums over all pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skerry.retrieval.corpusbrain.decoding import search
from skerry.retrieval.corpusbrain.memory.page_memory import PageMemory
from skerry.retrieval.corpusbrain.memory.recall import RecallingTitleModel
from skerry.retrieval.corpusbrain.model.small import SmallTitleModel
from skerry.retrieval.corpusbrain.naming import name_pages
from skerry.retrieval.corpusbrain.title_tree import TitleTree, build_tree

from .. import tiny  # noqa: TID252 -- the room's models
from ..decoding.exhaustive import following  # noqa: TID252 -- the room's slow search
from . import random

TITLES = ("york", *tiny.TITLES, "york")
SHARES = (0.0, 0.3, 1.0)


@pytest.fixture(scope="module")
def case() -> tiny.Case:
    return tiny.small()


class World:
    """Titles, two of which are equal, the memory of their pages, and what each should be worth."""

    def __init__(self, case: tiny.Case, folder: Path, share: float, titles: Sequence[str] = TITLES) -> None:
        assert isinstance(case.model, SmallTitleModel)
        self.case, self.share, self.small = case, share, case.model
        names = name_pages(titles, case.model.encode_titles)
        self.names = [names[page].tolist() for page in range(len(names))]
        build_tree(names, case.model.end, folder / "tree")
        self.tree = TitleTree.open(folder / "tree")
        # Wide slots, so that what is far has a visible share too.
        memory = random.memory(len(names), 32)
        self.memory = PageMemory.of(memory.keys * 0.05, memory.starts).taught(random.asking(32, strength=0.5))
        self.model = RecallingTitleModel(case.model, self.memory, self.tree, share)

    def pages(self, query: str) -> NDArray[np.float64]:
        """The memory's probability of each page."""
        vectors = self.small.read([query]).vectors
        shares: NDArray[np.float64] = np.exp(self.memory.log_probs(vectors)[0])
        return shares

    def child(self, query: str, begun: list[int], token: int) -> float:
        """The probability of a token by brute force."""
        whole = [[*name, self.small.end] for name in self.names]
        shares = self.pages(query)
        size = len(begun)
        at_node = sum(shares[page] for page, name in enumerate(whole) if name[:size] == begun)
        below = [*begun, token]
        at_child = sum(shares[page] for page, name in enumerate(whole) if name[: size + 1] == below)
        allowed = following(self.names, begun, self.small.end)
        logits = self.case.full(query, [*begun, token])[-1]
        written = np.exp(logits[token] - np.log(np.exp(logits[allowed]).sum()))
        return float((1 - self.share) * written + self.share * at_child / at_node)

    def page(self, query: str, page: int) -> float:
        """The probability of a whole title."""
        name = [*self.names[page], self.small.end]
        return float(np.prod([self.child(query, name[:size], name[size]) for size in range(len(name))]))


@pytest.mark.parametrize("share", SHARES)
def test_every_title_and_no_other_at_the_right_probability(
    case: tiny.Case, tmp_path: Path, share: float
) -> None:
    world = World(case, tmp_path, share)
    for query, found in zip(
        tiny.QUERIES, search(world.model, world.tree, tiny.QUERIES, len(TITLES)), strict=True
    ):
        assert sorted(one.page for one in found) == list(range(len(TITLES)))
        for one in found:
            assert np.exp(one.log_prob) == pytest.approx(world.page(query, one.page), rel=1e-3)
        assert sum(np.exp(one.log_prob) for one in found) == pytest.approx(1, abs=1e-4)
        if share == 1:
            shares = world.pages(query)
            assert [np.exp(one.log_prob) for one in found] == pytest.approx(
                sorted(shares, reverse=True), rel=1e-3
            )


def test_queries_together_find_what_each_finds_alone(case: tiny.Case, tmp_path: Path) -> None:
    world = World(case, tmp_path, 0.5)
    together = search(world.model, world.tree, tiny.QUERIES, 3, 2)
    in_turn = search(world.model, world.tree, tiny.QUERIES, 3, 2, most_rows=6)
    for query, one, other in zip(tiny.QUERIES, together, in_turn, strict=True):
        [alone] = search(world.model, world.tree, [query], 3, 2)
        for found in (one, other):
            assert [each.page for each in found] == [each.page for each in alone]
            assert [each.log_prob for each in found] == pytest.approx(
                [each.log_prob for each in alone], abs=1e-3
            )


def test_tokens_in_any_order_and_some_of_them(case: tiny.Case, tmp_path: Path) -> None:
    world = World(case, tmp_path, 0.6)
    state = world.model.begin(world.model.read([tiny.QUERIES[0]]), np.zeros(1, np.int64))
    children = world.tree.children(world.tree.root).astype(np.int64)
    [whole] = world.model.log_probs(state, [children])
    [turned] = world.model.log_probs(state, [children[::-1].copy()])
    np.testing.assert_allclose(turned, whole[::-1], rtol=1e-5)
    [some] = world.model.log_probs(state, [children[1:]])
    assert np.exp(some).sum() == pytest.approx(1, abs=1e-5)


def test_behind_the_first_title_the_title_model_writes_alone(case: tiny.Case, tmp_path: Path) -> None:
    world = World(case, tmp_path, 1.0)
    tokens = [*world.names[1], world.small.end]
    models, row = (world.model, world.small), np.zeros(1, np.int64)
    states = [model.begin(model.read([tiny.QUERIES[2]]), row) for model in models]
    for token in tokens:
        after = np.array([token])
        states = [model.advance(state, row, after) for model, state in zip(models, states, strict=True)]
    allowed = [np.append(world.tree.children(world.tree.root), world.small.stop).astype(np.int64)]
    np.testing.assert_array_equal(
        world.model.log_probs(states[0], allowed)[0], world.small.log_probs(states[1], allowed)[0]
    )


def test_one_page(case: tiny.Case, tmp_path: Path) -> None:
    world = World(case, tmp_path, 0.5, ["york"])
    [found] = search(world.model, world.tree, ["opera"], 3, 3)
    assert [(one.page, one.log_prob) for one in found] == [(0, 0.0)]


def test_what_is_not_worth_one_bit_is_still_found(case: tiny.Case, tmp_path: Path) -> None:
    """Slots at full length: pages far from the query have next to nothing."""
    world = World(case, tmp_path, 1.0)
    memory = random.memory(len(TITLES), 32)
    model = RecallingTitleModel(world.small, memory, world.tree, 1.0)
    [found] = search(model, world.tree, ["opera"], len(TITLES))
    assert sorted(one.page for one in found) == list(range(len(TITLES)))
    assert all(np.isfinite(one.log_prob) for one in found)
