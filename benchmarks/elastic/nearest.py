"""The nearest passages by the leading dimensions of mapped vectors: exact, in blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.embedding.faiss_library import faiss
from skerry.retrieval.embedding.prefix import leading
from skerry.retrieval.embedding.starts import rows_of

_BLOCK = 8192


def nearest(
    vectors: NDArray[np.float16],
    queries: NDArray[np.float32],
    dimensions: int,
    limit: int,
    starts: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Ordinals of the nearest passages by cosine of the leading dimensions, best first.

    Args:
        vectors: float16 of shape (n, width).
        queries: float32 of shape (q, width).
        limit: at most as many are found as there are.
        starts: where each passage's rows start, and where the last one's end; the best of them counts. None:
            one a passage.

    Returns:
        int64 of shape (q, min(limit, passages)).
    """
    asked = leading(queries, dimensions)
    passages = len(vectors) if starts is None else len(starts) - 1
    limit = min(limit, passages)
    best = faiss.ResultHeap(len(queries), limit, keep_max=True)
    low = 0
    while low < passages:
        if starts is None:
            high = min(low + _BLOCK, passages)
            block = _block(vectors, low, high, dimensions)
            scores, rows = faiss.knn(asked, block, min(limit, high - low), faiss.METRIC_INNER_PRODUCT)
        else:
            high = max(low + 1, int(np.searchsorted(starts, starts[low] + _BLOCK, side="right")) - 1)
            block = _block(vectors, int(starts[low]), int(starts[high]), dimensions)
            highest = np.maximum.reduceat(asked @ block.T, starts[low:high] - starts[low], axis=1)
            most = min(limit, high - low)
            rows = np.argpartition(-highest, most - 1, axis=1)[:, :most]
            scores = np.take_along_axis(highest, rows, axis=1)
        best.add_result(scores, rows + low)
        low = high
    best.finalize()
    found: NDArray[np.int64] = best.I
    return found


def _block(vectors: NDArray[np.float16], low: int, high: int, dimensions: int) -> NDArray[np.float32]:
    return leading(vectors[low:high, :dimensions].astype(np.float32), dimensions)


def rescored(
    vectors: NDArray[np.float16],
    queries: NDArray[np.float32],
    found: NDArray[np.int64],
    starts: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """The same ordinals by cosine of all dimensions, best first: int64 of the shape of `found`, (q, k)."""
    ordered = np.empty_like(found)
    for number, (query, ordinals) in enumerate(zip(queries, found, strict=True)):
        rows = ordinals if starts is None else rows_of(starts, ordinals)
        products = leading(vectors[rows].astype(np.float32), vectors.shape[1]) @ query
        if starts is not None:
            counts = starts[ordinals + 1] - starts[ordinals]
            products = np.maximum.reduceat(products, np.cumsum(counts) - counts)
        ordered[number] = ordinals[np.argsort(-products, kind="stable")]
    return ordered
