"""Sinks, units and tail lie side by side, and units follow the ends that are told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.generation.selection.layout import Layout


def _slow_units(ends: list[int], sinks: int, recent: int, longest: int, rows: int) -> list[tuple[int, int]]:
    units, start = [], sinks
    for row in range(sinks + 1, rows - recent + 1):
        if row in ends or row - start == longest:
            units.append((start, row))
            start = row
    return units


@given(
    st.lists(st.sets(st.integers(0, 200), max_size=30), min_size=1, max_size=3),
    st.integers(0, 12),
    st.integers(1, 12),
    st.integers(1, 20),
    st.lists(st.integers(1, 40), min_size=1, max_size=8),
)
def test_units_are_those_of_a_slow_version(
    told: list[set[int]], sinks: int, recent: int, longest: int, steps: list[int]
) -> None:
    layout = Layout(sinks, recent, longest)
    layout.begin([sorted(ends) for ends in told])
    rows = sinks + recent
    for step in steps:
        rows += step
        layout.grow(len(told), rows)
    for number, ends in enumerate(told):
        units = _slow_units(sorted(ends), sinks, recent, longest, rows)
        bounds = layout.bounds[number]
        assert layout.counts[number] == len(units)
        found = list(zip(bounds[1:-2].tolist(), bounds[2:-1].tolist(), strict=True))
        assert found[: len(units)] == units
        assert all(start == end for start, end in found[len(units) :])
        assert bounds[0] == 0 and bounds[1] == sinks and bounds[-1] == rows
        assert recent <= rows - bounds[-2] < recent + longest
        assert np.array_equal(layout.lengths[number], np.diff(bounds[1:-1]))


def test_an_end_that_is_told_later_cuts_later_units() -> None:
    layout = Layout(0, 4, 100)
    layout.begin([[5]])
    layout.grow(1, 12)
    layout.end(0, 12)
    layout.grow(1, 16)
    assert layout.bounds.tolist() == [[0, 0, 5, 12, 16]]


def test_a_cache_that_shrinks_is_refused() -> None:
    layout = Layout(0, 4, 8)
    layout.begin([[]])
    layout.grow(1, 12)
    with pytest.raises(ValueError, match="shrank from 12 to 11"):
        layout.grow(1, 11)
