"""Marked pieces become ranges, and units are taken in order of score."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skerry.generation.selection.ranges import row_ranges
from skerry.generation.selection.units import UnitOrder, with_ends


@given(st.data())
def test_ranges_hold_the_rows_of_marked_pieces(data: st.DataObject) -> None:
    heads, pieces = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 12))
    marked = data.draw(arrays(bool, (heads, pieces)))
    lengths = data.draw(arrays(np.int32, (heads, pieces), elements=st.integers(1, 5)))
    bounds = np.concatenate([np.zeros((heads, 1), np.int32), lengths.cumsum(1).astype(np.int32)], axis=1)
    found = row_ranges(marked, bounds, torch.device("cpu"))
    assert found.starts.numpy().dtype == found.ranges.numpy().dtype == np.int32
    assert len(found.starts) == heads + 1
    for head, (start, end) in enumerate(pairwise(found.starts.tolist())):
        ranges = found.ranges[start:end].tolist()
        rows = [row for low, high in ranges for row in range(low, high)]
        wanted = [
            row
            for piece in np.flatnonzero(marked[head])
            for row in range(bounds[head, piece], bounds[head, piece + 1])
        ]
        assert rows == wanted
        assert all(high < low for (_, high), (low, _) in pairwise(ranges)), "neighbours are joined"


@given(st.data())
def test_best_units_are_taken_while_they_fit(data: st.DataObject) -> None:
    heads, units = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 10))
    scores = data.draw(
        arrays(np.float32, (heads, units), elements=st.integers(-1000, 1000).map(float), unique=True)
    )
    lengths = data.draw(arrays(np.int32, (heads, units), elements=st.integers(0, 6)))
    room = data.draw(arrays(np.int32, heads, elements=st.integers(-5, 30)))
    marked = with_ends(UnitOrder.of(scores, lengths).best(room))
    assert marked.shape == (heads, units + 2)
    assert marked[:, 0].all() and marked[:, -1].all()
    for head in range(heads):
        left, taken = int(room[head]), set()
        for unit in sorted(range(units), key=lambda one: -scores[head, one]):
            left -= int(lengths[head, unit])
            if left < 0:
                break
            taken.add(unit)
        assert set(np.flatnonzero(marked[head, 1:-1]).tolist()) == taken
