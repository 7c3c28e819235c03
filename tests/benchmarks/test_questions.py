"""Which questions are asked."""

from __future__ import annotations

from skerry.benchmarks.questions import spread_evenly


def test_spread_evenly() -> None:
    assert spread_evenly(list(range(10)), 3) == [0, 3, 6]
    assert spread_evenly(list(range(10)), 5) == [0, 2, 4, 6, 8]
    assert spread_evenly([1, 2], 5) == [1, 2]
    assert spread_evenly(list[int](), 5) == []
