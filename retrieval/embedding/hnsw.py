"""A graph over the vectors: approximate; a search looks at some hundreds of them (Malkov, Yashunin 2016).

Nodes are linked by one thread, in order: slower than with many, and the same graph every time.
"""

from __future__ import annotations

from typing import Any

from skerry.retrieval.embedding.faiss_library import faiss
from skerry.retrieval.embedding.flat import QUANTISERS


def empty_hnsw(width: int, storage: str, m: int, ef_construction: int) -> Any:
    """A faiss graph without nodes, by inner product.

    Args:
        width: length of a vector.
        storage: "fp32", "fp16" or "int8"; the last must be trained on a sample.
        m: links a node.
        ef_construction: candidates looked at for each new node.
    """
    if storage == "fp32":
        index = faiss.IndexHNSWFlat(width, m, faiss.METRIC_INNER_PRODUCT)
    else:
        index = faiss.IndexHNSWSQ(width, QUANTISERS[storage], m, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = ef_construction
    return index


def attach(index: Any, vectors: Any) -> None:
    """Give a graph that was written without its vectors the faiss index that has them; keep that alive."""
    index.storage, index.own_fields = vectors, False


def hnsw_parameters(ef_search: int, limit: int) -> Any:
    """faiss's, of a search that keeps `ef_search` candidates, and at least `limit`."""
    return faiss.SearchParametersHNSW(efSearch=max(ef_search, limit))
