"""The ways to some pages: every beginning of their names, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skerry.retrieval.corpusbrain.naming import Names
from skerry.retrieval.corpusbrain.title_tree import TitleTree, build_tree

END = 2


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(st.integers(3, 6), max_size=5), min_size=1, max_size=20, unique_by=tuple),
    data=st.data(),
)
def test_they_are_the_beginnings_of_the_names(
    rows: list[list[int]], data: st.DataObject, tmp_path: Path
) -> None:
    tokens = np.array([token for row in rows for token in row], np.uint32)
    build_tree(Names(tokens, np.cumsum([0, *map(len, rows)], dtype=np.int64)), END, tmp_path / "tree")
    tree = TitleTree.open(tmp_path / "tree")
    pages = data.draw(st.lists(st.integers(0, len(rows) - 1), unique=True))
    expected = {tree.root}
    for page in pages:
        name = [*rows[page], END]
        expected |= {tree.walk(name[:size]) for size in range(len(name) + 1)}
    ways = tree.ways_to(np.array(pages, np.int64))
    assert ways.tolist() == sorted(expected)
    assert ways.dtype == np.int64


def test_a_page_that_there_is_not(tmp_path: Path) -> None:
    build_tree(Names(np.array([5], np.uint32), np.array([0, 1])), END, tmp_path / "tree")
    with pytest.raises(IndexError):
        TitleTree.open(tmp_path / "tree").ways_to(np.array([1]))
