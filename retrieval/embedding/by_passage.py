"""Passages by the best of their vectors: a passage's score is the maximum over its rows.

MaxP of Dai and Callan 2019, "Deeper Text Understanding for IR with Contextual Neural Language Modeling".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.embedding.spec import SearchOptions
from skerry.retrieval.embedding.starts import rows_of
from skerry.retrieval.embedding.vector_index import Found, VectorIndex

_ROWS_FIRST = 2
"""Rows that are looked at first, a passage that is wanted: its neighbours share the first places."""


def search_passages(
    index: VectorIndex,
    starts: NDArray[np.int64],
    vectors: NDArray[np.float32],
    limit: int,
    options: SearchOptions,
    within: NDArray[np.int64] | None = None,
) -> Found:
    """The `limit` passages nearest to each vector.

    Rows are searched as `VectorIndex.search` does, and more of them until enough passages are among them.

    Args:
        starts: passage p has the rows [starts[p], starts[p + 1]), at least one.
        within: where given, only these passages.

    Returns:
        As `VectorIndex.search`, of passages.
    """
    passages = len(starts) - 1 if within is None else len(within)
    limit = min(limit, passages)
    scores = np.full((len(vectors), limit), -np.inf, np.float32)
    found = np.full((len(vectors), limit), -1, np.int64)
    chosen = None if within is None else rows_of(starts, within)
    most = int(starts[-1]) if chosen is None else len(chosen)
    left = np.arange(len(vectors) if limit else 0)
    reach = limit
    while len(left):
        reach = min(most, _ROWS_FIRST * reach)
        row_scores, rows = index.search(vectors[left], reach, options, chosen)
        owners = np.searchsorted(starts, rows, side="right") - 1
        again = []
        for query, its_scores, its_rows, its_owners in zip(left, row_scores, rows, owners, strict=True):
            there = int(np.count_nonzero(its_rows >= 0))
            first = np.sort(np.unique(its_owners[:there], return_index=True)[1])[:limit]
            if len(first) < limit and reach == there < most:
                again.append(query)
            else:
                scores[query, : len(first)], found[query, : len(first)] = its_scores[first], its_owners[first]
        left = np.array(again, np.int64)
    return scores, found
