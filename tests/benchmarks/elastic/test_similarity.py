"""Spearman's correlation beside its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skerry.benchmarks.elastic.similarity import spearman
from skerry.core.errors import InvalidInput

FEW = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12)


def mean_rank(values: list[int], number: int) -> float:
    below = sum(value < values[number] for value in values)
    return below + (sum(value == values[number] for value in values) + 1) / 2


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FEW)
def test_the_definition(pairs: list[tuple[int, int]]) -> None:
    first, second = (list(values) for values in zip(*pairs, strict=True))
    if len(set(first)) == 1 or len(set(second)) == 1:
        with pytest.raises(InvalidInput, match="all equal"):
            spearman(np.array(first, float), np.array(second, float))
        return
    x = np.array([mean_rank(first, number) for number in range(len(pairs))])
    y = np.array([mean_rank(second, number) for number in range(len(pairs))])
    x, y = x - x.mean(), y - y.mean()
    expected = (x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum())
    assert spearman(np.array(first, float), np.array(second, float)) == pytest.approx(expected)


def test_order_alone_counts() -> None:
    values = np.array([0.1, 5.0, 2.0, 9.0])
    assert spearman(values, np.exp(values)) == pytest.approx(1)
    assert spearman(values, -values) == pytest.approx(-1)
