"""Timings add up by stage, in the order of first use, and survive errors."""

from __future__ import annotations

import time

import pytest

from skerry.core.timing import Timings


def test_adds_up_in_order() -> None:
    timings = Timings()
    for stage in ("b", "a", "b"):
        with timings.measure(stage):
            time.sleep(0.005)
    assert list(timings.seconds) == ["b", "a"]
    assert timings.seconds["b"] >= 0.01
    assert timings.seconds["a"] >= 0.005


def test_counts_a_stage_that_fails() -> None:
    timings = Timings()
    with pytest.raises(ValueError), timings.measure("a"):
        raise ValueError
    assert timings.seconds["a"] >= 0
