"""A search among some pages finds what a search among all finds of them, with the same scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skerry.retrieval.corpusbrain.decoding import search
from skerry.retrieval.corpusbrain.naming import Names
from skerry.retrieval.corpusbrain.title_tree import TitleTree, build_tree

from .stub import END, StubModel


def tree_of(names: Sequence[Sequence[int]], folder: Path) -> TitleTree:
    tokens = np.array([token for name in names for token in name], "u4")
    build_tree(Names(tokens, np.cumsum([0, *map(len, names)])), END, folder / "tree")
    return TitleTree.open(folder / "tree")


@pytest.mark.parametrize("normalises", [True, False])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(
        st.lists(st.integers(2, 6), min_size=1, max_size=4), min_size=1, max_size=12, unique_by=tuple
    ),
    data=st.data(),
)
def test_the_same_scores(
    normalises: bool, names: list[list[int]], data: st.DataObject, tmp_path: Path
) -> None:
    tree, model = tree_of(names, tmp_path), StubModel(normalises=normalises)
    pages = data.draw(st.lists(st.integers(0, len(names) - 1), min_size=1, unique=True))
    queries = ["q", "another"]
    among = tree.ways_to(np.array(pages))
    every = search(model, tree, queries, len(names))
    some = search(model, tree, queries, len(pages), among=among)
    for found, wanted in zip(some, every, strict=True):
        assert found == [one for one in wanted if one.page in pages]
    several = search(model, tree, queries, len(pages) ** 2, 2, among=among)
    assert all({one.page for one in found} == set(pages) for found in several)


def test_one_beam_finds_the_most_improbable_page(tmp_path: Path) -> None:
    names = [[first, second] for first in range(2, 10) for second in range(2, 10)]
    tree, model = tree_of(names, tmp_path), StubModel(normalises=True)
    [every] = search(model, tree, ["q"], len(names))
    [found] = search(model, tree, ["q"], 1, among=tree.ways_to(np.array([every[-1].page])))
    assert found == [every[-1]]
