"""Which slots a page has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.retrieval.corpusbrain.memory.slots import MOST_SLOTS, page_slots, slots_a_page, unit


@given(st.lists(st.integers(1, 200), min_size=1, max_size=30), st.integers(0, 3000))
def test_as_many_as_there_is_room_for(sizes: list[int], most: int) -> None:
    found = slots_a_page(np.array(sizes), most)
    assert 0 <= found <= MOST_SLOTS
    assert sum(min(size, found) for size in sizes) <= most
    if found < MOST_SLOTS:
        assert sum(min(size, found + 1) for size in sizes) > most
    assert (found == 0) == (most < len(sizes))


def test_few_passages_are_slots_themselves() -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(5, 8)).astype("f4"))
    for most in (5, 64):
        np.testing.assert_array_equal(page_slots(vectors, most, np.random.default_rng(1)), vectors)


def test_slots_are_centres_of_what_is_alike() -> None:
    random = np.random.default_rng(4)
    centres = np.eye(6, 12, dtype="f4")
    vectors = unit(np.repeat(centres, 20, axis=0) + 0.05 * random.normal(size=(120, 12)).astype("f4"))
    found = page_slots(vectors, 12, np.random.default_rng(1))
    assert found.shape == (12, 12)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    # Every passage is near a slot, and every slot near a passage.
    nearest = vectors @ found.T
    assert nearest.max(1).min() > 0.9
    assert nearest.max(0).min() > 0.9
    again = page_slots(vectors, 12, np.random.default_rng(1))
    np.testing.assert_array_equal(found, again)


@pytest.mark.parametrize("most", [1, 3])
def test_passages_that_are_all_alike(most: int) -> None:
    vectors = np.tile(unit(np.ones((1, 4), np.float32)), (9, 1))
    found = page_slots(vectors, most, np.random.default_rng(0))
    np.testing.assert_allclose(found, vectors[:most], rtol=1e-5)


def test_nothing_at_all_stays_so() -> None:
    np.testing.assert_array_equal(unit(np.zeros((2, 3), np.float32)), np.zeros((2, 3)))
