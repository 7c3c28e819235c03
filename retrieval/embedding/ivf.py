"""Vectors in lists around centroids: a search reads the lists nearest to the query (inverted file).

Centroids are trained by one thread from a fixed seed: the same lists every time.
"""

from __future__ import annotations

from typing import Any

from skerry.retrieval.embedding.choose import TRAINED_ON
from skerry.retrieval.embedding.faiss_library import faiss
from skerry.retrieval.embedding.flat import QUANTISERS

_ITERATIONS = 10


def empty_ivf(width: int, storage: str, lists: int) -> Any:
    """Empty faiss lists, by inner product, to be trained on a sample.

    Args:
        width: length of a vector.
        storage: "fp32", "fp16" or "int8" (of what a vector differs from its centroid by).
        lists: how many.
    """
    centroids = faiss.IndexFlatIP(width)
    if storage == "fp32":
        index = faiss.IndexIVFFlat(centroids, width, lists, faiss.METRIC_INNER_PRODUCT)
    else:
        index = faiss.IndexIVFScalarQuantizer(
            centroids, width, lists, QUANTISERS[storage], faiss.METRIC_INNER_PRODUCT
        )
    index.cp.niter = _ITERATIONS
    index.cp.max_points_per_centroid = TRAINED_ON
    return index


def ivf_parameters(nprobe: int | None, lists: int) -> Any:
    """faiss's, of a search that reads `nprobe` of the lists; None: one in eight, and at least 8."""
    return faiss.SearchParametersIVF(nprobe=min(lists, nprobe or max(8, lists // 8)))
