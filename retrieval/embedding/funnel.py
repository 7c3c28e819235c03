"""A shortlist by the leading dimensions, scored again by more of them.

The composition is faiss's own: `RemapDimensionsTransform` (slice) and `NormalizationTransform` (renormalise)
around an inner index of the prefix, and `IndexRefine` over it with the stored vectors.

How wide the prefix must be is the model's matter. Of all-MiniLM-L6-v2 over 25,289 passages
(`benchmarks/elastic/funnel.py`), a graph over 192 of 384 dimensions and a shortlist of 100 finds .990 of the
ten nearest with a thirteenth of a flat search's multiply-adds, and over 96, .899 with a thirtieth; with
Skerry's adapter, whose strongest dimensions come first, .992 with a thirty-sixth over 96.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.embedding.faiss_library import faiss
from skerry.retrieval.embedding.flat import FlatVectors
from skerry.retrieval.embedding.prefix import leading


def over_prefix(width: int, inner: Any) -> Any:
    """A faiss index of vectors of `width` that searches `inner` by cosine on as many leading dimensions as
    that has."""
    index = faiss.IndexPreTransform(faiss.NormalizationTransform(inner.d, 2.0), inner)
    index.prepend_transform(faiss.RemapDimensionsTransform(width, inner.d, False))
    return index


def over_prefix_parameters(inner: Any) -> Any:
    """faiss's, of a search in `over_prefix`, from those of the inner index."""
    return faiss.SearchParametersPreTransform(index_params=inner)


def refine(
    prefix: Any,
    flat: FlatVectors,
    queries: NDArray[np.float32],
    limit: int,
    shortlist: int,
    parameters: Any,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The funnel that ends with the full vectors.

    Args:
        prefix: from `over_prefix`.
        flat: the same vectors in full.
        queries: float32 of shape (q, width).
        limit: at most `shortlist`.
        shortlist: candidates scored again, at most as many as there are vectors.
        parameters: faiss's, of the search in `prefix`.

    Returns:
        Cosines, descending, and ordinals, both of shape (q, limit); -1 where fewer were found.
    """
    factor = np.nextafter(np.float32(shortlist / limit), np.float32(np.inf))  # faiss rounds the product down
    refined = faiss.IndexRefineSearchParameters(k_factor=float(factor), base_index_params=parameters)
    scores: NDArray[np.float32]
    rows: NDArray[np.int64]
    scores, rows = faiss.IndexRefine(prefix, flat.index).search(queries, limit, params=refined)
    return scores, rows


def rescore(
    flat: FlatVectors, queries: NDArray[np.float32], shortlist: NDArray[np.int64], limit: int, dimensions: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The best of a shortlist by cosine on any number of leading dimensions, where `refine` knows all only.

    Args:
        flat: the vectors.
        queries: float32 of shape (q, width).
        shortlist: ordinals, int64 of shape (q, s), padded with -1.
        limit: at most s.
        dimensions: cosines are of so many leading dimensions.

    Returns:
        As `refine`.
    """
    scores = np.full((len(queries), limit), -np.inf, np.float32)
    rows = np.full((len(queries), limit), -1, np.int64)
    for number, query in enumerate(leading(queries, dimensions)):
        candidates = shortlist[number][shortlist[number] >= 0]
        cosines = leading(flat.take(candidates), dimensions) @ query
        order = np.lexsort((candidates, -cosines))[:limit]
        scores[number, : len(order)] = cosines[order]
        rows[number, : len(order)] = candidates[order]
    return scores, rows
