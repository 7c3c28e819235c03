"""The bench of the funnel: counts that can be worked out by hand, and recall that must be whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from skerry.benchmarks.elastic.funnel import FunnelRow, funnel_table
from skerry.core.errors import InvalidInput

ROWS, WIDTH = 600, 32


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float32]:
    random = np.random.default_rng(3)
    near = random.normal(size=(20, WIDTH))[random.integers(0, 20, ROWS)] + random.normal(size=(ROWS, WIDTH))
    unit: NDArray[np.float32] = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
    return unit


def test_counts_and_recall(vectors: NDArray[np.float32]) -> None:
    rows = funnel_table(
        vectors, vectors[:25], prefixes=(4, 16), shortlists=(10, ROWS), ef_searches=(20, ROWS), limit=10
    )
    for row in rows:
        assert 0 < row.recall <= 1
        assert row.milliseconds > 0
        assert row.fewer == pytest.approx(ROWS * WIDTH / row.operations)
    flat = [row for row in rows if row.kind == "flat"]
    assert replace(flat[0], milliseconds=0) == FunnelRow("flat", WIDTH, 0, 0, 1.0, ROWS * WIDTH, 1.0, 0)
    assert [(row.dimensions, row.shortlist) for row in flat[1:]] == [
        (4, 10),
        (4, ROWS),
        (16, 10),
        (16, ROWS),
    ]
    for row in flat[1:]:
        assert row.operations == ROWS * row.dimensions + row.shortlist * WIDTH
        assert (row.recall == 1) == (row.shortlist == ROWS)

    graphs = [row for row in rows if row.kind == "hnsw"]
    assert [(row.dimensions, row.shortlist, row.ef_search) for row in graphs if row.dimensions != 16] == [
        (4, 10, 20),
        (4, 10, ROWS),
        (4, ROWS, ROWS),
        (WIDTH, 0, 20),
        (WIDTH, 0, ROWS),
    ]
    for row in graphs:
        distances = (row.operations - row.shortlist * WIDTH) / row.dimensions
        assert 10 < distances < 2 * ROWS
    assert graphs[-1].recall >= 0.99
    assert graphs[-1].operations > graphs[-2].operations


@pytest.mark.parametrize("shortlist", [9, ROWS + 1])
def test_a_shortlist_that_cannot_be(shortlist: int, vectors: NDArray[np.float32]) -> None:
    with pytest.raises(InvalidInput, match=f"shortlists \\[{shortlist}\\]"):
        funnel_table(vectors, vectors[:2], shortlists=(shortlist,))


def test_nothing_to_measure(vectors: NDArray[np.float32]) -> None:
    with pytest.raises(InvalidInput, match="0 queries"):
        funnel_table(vectors, vectors[:0])
    with pytest.raises(InvalidInput, match="0 vectors"):
        funnel_table(vectors[:0], vectors[:2])
