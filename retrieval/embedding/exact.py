"""Exact search by cosine on any number of leading dimensions, straight from the stored vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.embedding.faiss_library import faiss
from skerry.retrieval.embedding.flat import FlatVectors
from skerry.retrieval.embedding.prefix import leading

_BLOCK_ROWS = 4096
"""Vectors sliced at a time: they and their slices stay in a processor's cache."""


def exact_search(
    flat: FlatVectors,
    queries: NDArray[np.float32],
    limit: int,
    dimensions: int,
    within: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The `limit` nearest vectors to each query.

    Args:
        flat: the vectors.
        queries: unit rows, float32 of shape (q, width).
        limit: from 1 to as many as there are vectors to choose from.
        dimensions: cosines are of so many leading dimensions.
        within: where given, only these ordinals.

    Returns:
        Cosines, descending, and ordinals, both of shape (q, limit).
    """
    queries = leading(queries, dimensions)
    best = faiss.ResultHeap(len(queries), limit, keep_max=True)
    total = flat.count if within is None else len(within)
    for low in range(0, total, _BLOCK_ROWS):
        high = min(low + _BLOCK_ROWS, total)
        ordinals = np.arange(low, high) if within is None else within[low:high]
        vectors = flat.rows(low, high) if within is None else flat.take(ordinals)
        if dimensions < flat.width:
            vectors = vectors[:, :dimensions].copy()
            faiss.normalize_L2(vectors)
        scores, columns = faiss.knn(queries, vectors, min(limit, high - low), faiss.METRIC_INNER_PRODUCT)
        best.add_result(scores, ordinals[columns])
    best.finalize()
    return best.D, best.I
