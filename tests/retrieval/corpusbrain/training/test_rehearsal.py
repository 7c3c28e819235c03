"""Which old pairs are learnt again."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skerry.retrieval.corpusbrain.pretraining.pairs import Pair
from skerry.retrieval.corpusbrain.training.rehearsal import rehearsed


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
    pairs = [Pair(f"text {number}", (number % 2,)) for number in range(1000)]
    known = np.array([True, False])
    kept = [rehearsed(pairs, known, 0.1, seed) for seed in (0, 1)]
    assert kept[0] != kept[1]
    assert len(set(kept[0])) == len(kept[0]) == 550
