"""The nearest passages by the leading dimensions of mapped vectors: exact, in blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.embedding.faiss_library import faiss
from skerry.retrieval.embedding.prefix import leading

_BLOCK = 8192


def nearest(
    vectors: NDArray[np.float16], queries: NDArray[np.float32], dimensions: int, limit: int
) -> NDArray[np.int64]:
    """Ordinals of the nearest vectors by cosine of the leading dimensions, best first.

    Args:
        vectors: float16 of shape (n, width).
        queries: float32 of shape (q, width).
        limit: at most n are found.

    Returns:
        int64 of shape (q, min(limit, n)).
    """
    asked = leading(queries, dimensions)
    limit = min(limit, len(vectors))
    best = faiss.ResultHeap(len(queries), limit, keep_max=True)
    for low in range(0, len(vectors), _BLOCK):
        block = leading(vectors[low : low + _BLOCK, :dimensions].astype(np.float32), dimensions)
        scores, rows = faiss.knn(asked, block, min(limit, len(block)), faiss.METRIC_INNER_PRODUCT)
        best.add_result(scores, rows + low)
    best.finalize()
    found: NDArray[np.int64] = best.I
    return found


def rescored(
    vectors: NDArray[np.float16], queries: NDArray[np.float32], found: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The same ordinals by cosine of all dimensions, best first: int64 of the shape of `found`, (q, k)."""
    ordered = np.empty_like(found)
    for row, (query, ordinals) in enumerate(zip(queries, found, strict=True)):
        products = leading(vectors[ordinals].astype(np.float32), vectors.shape[1]) @ query
        ordered[row] = ordinals[np.argsort(-products, kind="stable")]
    return ordered
