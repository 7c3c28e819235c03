"""Kendall's tau by hand and beside the slow version."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.benchmarks.ranking.agreement import kendall_tau


def test_by_hand() -> None:
    one = np.array([1, 2, 3, 4], np.float32)
    assert kendall_tau(one, one * 10) == 1
    assert kendall_tau(one, -one) == -1
    assert kendall_tau(one, one[[1, 0, 2, 3]]) == pytest.approx(4 / 6)
    assert kendall_tau(one, np.zeros(4, np.float32)) == 0
    assert kendall_tau(one[:1], one[:1]) == kendall_tau(one[:0], one[:0]) == 1


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=12))
def test_as_counted(values: list[tuple[int, int]]) -> None:
    agree = sum(int(np.sign(a - c) * np.sign(b - d)) for (a, b), (c, d) in combinations(values, 2))
    one, other = np.array(values, np.float32).T
    assert kendall_tau(one, other) == pytest.approx(agree / (len(values) * (len(values) - 1) / 2))
