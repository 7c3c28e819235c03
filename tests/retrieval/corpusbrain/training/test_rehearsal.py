"""Which old pairs are learnt again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.retrieval.corpusbrain.pretraining.pairs import Pair
from skerry.retrieval.corpusbrain.training.rehearsal import drawn, rehearsed


@given(
    st.lists(st.integers(0, 9), max_size=60),
    st.lists(st.booleans(), min_size=10, max_size=10),
    st.sampled_from([0.0, 0.5, 1.0, 3.0, 100.0]),
    st.integers(0, 99),
)
def test_all_that_is_new_and_a_share_of_the_rest(
    pages: list[int], known: list[bool], share: float, seed: int
) -> None:
    pairs = [Pair(f"text {number}", (page, 0)) for number, page in enumerate(pages)]
    kept = rehearsed(pairs, np.array(known), share, seed)
    assert kept == rehearsed(pairs, np.array(known), share, seed)
    assert kept == [pair for pair in pairs if pair in kept]
    new = [pair for pair in pairs if not known[pair.pages[0]]]
    assert [pair for pair in kept if not known[pair.pages[0]]] == new
    assert len(kept) - len(new) == min(len(pairs) - len(new), round(share * len(new)))


def test_seeds_draw_others() -> None:
    known = list(range(1000))
    assert drawn(known, 1, 20, seed=0) == drawn(known, 1, 20, seed=0)
    assert drawn(known, 1, 20, seed=0) != drawn(known, 1, 20, seed=1)


@pytest.mark.parametrize(
    ("share", "new", "count"), [(0, 5, 0), (0.5, 5, 2), (2, 5, 10), (100, 5, 30), (1, 0, 0)]
)
def test_how_many(share: float, new: int, count: int) -> None:
    found = drawn(range(30), share, new, seed=3)
    assert len(found) == len(set(found)) == count
