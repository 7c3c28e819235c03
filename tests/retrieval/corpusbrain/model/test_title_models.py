"""What every title model must do, whichever it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput

from .. import tiny  # noqa: TID252 -- the room's models

_SIZES = (1, 2, 7, 64, 65, 80)


def expected(
    case: tiny.Case, query: str, tokens: list[int], allowed: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Log-probabilities of what may follow `tokens`, by one pass without a cache."""
    values: NDArray[np.float64] = case.full(query, [*tokens, 0])[-1, allowed]
    if case.model.normalises:
        values = values - np.log(np.exp(values).sum())
    return values


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_steps_with_a_cache_give_what_one_pass_gives(case: tiny.Case, seed: int) -> None:
    """Rows are dropped, doubled and moved between steps; queries are of unlike lengths."""
    random = np.random.default_rng(seed)
    model = case.model
    memory = model.read(tiny.QUERIES)
    queries = np.sort(random.permutation(len(tiny.QUERIES))[:3])
    state = model.begin(memory, queries)
    sequences: list[list[int]] = [[] for _ in queries]
    for _ in range(4):
        allowed = [random.permutation(80)[: random.choice(_SIZES)] for _ in sequences]
        allowed[-1] = allowed[0]
        found = model.log_probs(state, allowed)
        for query, sequence, of_row, values in zip(queries, sequences, allowed, found, strict=True):
            assert values.dtype == np.float32
            wanted = expected(case, tiny.QUERIES[query], sequence, of_row)
            np.testing.assert_allclose(values, wanted, atol=1e-4, rtol=0)
        rows = random.integers(0, len(sequences), 5)
        tokens = random.integers(0, 80, 5)
        state = model.advance(state, rows, tokens)
        queries = queries[rows]
        sequences = [
            [*sequences[row], token] for row, token in zip(rows.tolist(), tokens.tolist(), strict=True)
        ]


def test_a_state_may_be_continued_twice(case: tiny.Case) -> None:
    model = case.model
    allowed = [np.arange(2, 40)]
    state = model.begin(model.read([tiny.QUERIES[0]]), np.zeros(1, np.int64))
    before = model.log_probs(state, allowed)[0]
    one = model.advance(state, np.array([0]), np.array([7]))
    other = model.advance(state, np.array([0]), np.array([9]))
    for continued, token in ((one, 7), (other, 9)):
        wanted = expected(case, tiny.QUERIES[0], [token], allowed[0])
        np.testing.assert_allclose(model.log_probs(continued, allowed)[0], wanted, atol=1e-4, rtol=0)
    np.testing.assert_array_equal(model.log_probs(state, allowed)[0], before)


def test_special_tokens_in_a_title_are_text(case: tiny.Case) -> None:
    titles = ["New [SEP] York [MASK]", "</s>", "<s> Opera", "New York"]
    encoded = case.model.encode_titles(titles)
    for tokens in encoded:
        assert tokens
        assert not {case.model.end, case.model.stop} & set(tokens)
    assert case.model.encode_titles([]) == []


def test_a_long_query_is_cut_off(case: tiny.Case) -> None:
    model = case.model
    allowed = [np.arange(2, 40)]
    long, longer = ("where is the opera " * times for times in (300, 400))
    one, other = (
        model.log_probs(model.begin(model.read([query]), np.zeros(1, np.int64)), allowed)[0]
        for query in (long, longer)
    )
    np.testing.assert_array_equal(one, other)


def test_bad_queries(case: tiny.Case) -> None:
    for queries in ([], [""], ["york", ""], ["a lone \ud800"]):
        with pytest.raises(InvalidInput):
            case.model.read(queries)
