"""The pages below a node, against a walk along every name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skerry.retrieval.corpusbrain.naming import Names
from skerry.retrieval.corpusbrain.title_tree import TitleTree, build_tree

END = 4


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.integers(2, 7).filter(lambda token: token != END), max_size=5),
        min_size=1,
        max_size=25,
        unique_by=tuple,
    )
)
def test_they_are_the_pages_whose_names_begin_so(tmp_path: Path, rows: list[list[int]]) -> None:
    tokens = np.array([token for row in rows for token in row], np.uint32)
    build_tree(Names(tokens, np.cumsum([0, *map(len, rows)], dtype=np.int64)), END, tmp_path / "tree")
    tree = TitleTree.open(tmp_path / "tree")
    ranges = tree.ranges()
    names = [[*row, END] for row in rows]
    assert ranges.order.tolist() == sorted(range(len(rows)), key=lambda page: names[page])
    for name in names:
        for size in range(len(name) + 1):
            node = tree.walk(name[:size])
            start, count = int(ranges.starts[node]), int(ranges.counts[node])
            below = [page for page, other in enumerate(names) if other[:size] == name[:size]]
            assert sorted(ranges.order[start : start + count].tolist()) == below
