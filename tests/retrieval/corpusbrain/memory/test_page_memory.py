"""What a memory says of a query, slot by slot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from . import random


@pytest.mark.parametrize("taught", [False, True])
@pytest.mark.parametrize("pages", [1, 7, 40])
def test_it_is_the_sum_over_slots(pages: int, taught: bool) -> None:
    memory = random.memory(pages, 16)
    if taught:
        memory = memory.taught(random.asking(16))
    queries = random.vectors(70, 16, 5)
    found = memory.log_probs(queries)
    assert found.shape == (70, pages)
    np.testing.assert_allclose(np.exp(found).sum(1), 1)
    np.testing.assert_allclose(found, [random.slow(memory, query) for query in queries], atol=1e-3)
    alone = np.concatenate([memory.log_probs(query[None]) for query in queries])
    np.testing.assert_allclose(found, alone, atol=1e-3)
    assert memory.log_probs(queries[:0]).shape == (0, pages)


def test_the_prior_is_what_the_questions_kept_make_it() -> None:
    memory = random.memory(9, 16)
    asking = random.asking(16)
    plain = replace(memory, asking=asking)
    shares = np.mean([np.exp(random.slow(plain, one)) for one in asking.asked], axis=0)
    assert shares.min() < 0.1 / 9 < shares.max()
    expected = np.log(np.maximum(shares, 0.1 / 9))
    np.testing.assert_allclose(memory.taught(asking).log_prior, expected, atol=1e-3)
    half = memory.taught(replace(asking, strength=0.5))
    np.testing.assert_allclose(half.log_prior, expected / 2, atol=1e-3)
    for nothing in (replace(asking, strength=0.0), replace(asking, asked=asking.asked[:0])):
        assert not memory.taught(nothing).log_prior.any()


def test_a_page_that_draws_questions_is_held_back() -> None:
    """After the correction the questions kept find all pages more nearly as often."""
    memory = random.memory(9, 16)
    asking = random.asking(16)
    before = np.exp(replace(memory, asking=asking).log_probs(asking.asked)).mean(0)
    after = np.exp(memory.taught(asking).log_probs(asking.asked)).mean(0)
    assert after.std() < 0.9 * before.std()


def test_what_was_taught_before_is_replaced() -> None:
    memory, first, second = random.memory(9, 16), random.asking(16), random.asking(16, seed=3)
    queries = random.vectors(5, 16, 5)
    again = memory.taught(first).taught(second)
    np.testing.assert_array_equal(again.log_probs(queries), memory.taught(second).log_probs(queries))
