"""What a shortlist by leading dimensions saves, and what it misses, beside a flat search of full vectors.

Operations are multiply-adds of vectors' components a query: of a flat index, vectors times dimensions; of a
graph, the distances that it computed times dimensions; of a second scoring, the shortlist times the width.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.retrieval.embedding.faiss_file import write
from skerry.retrieval.embedding.faiss_library import faiss, one_thread
from skerry.retrieval.embedding.flat import FlatVectors, empty_flat
from skerry.retrieval.embedding.funnel import over_prefix, over_prefix_parameters, refine
from skerry.retrieval.embedding.hnsw import empty_hnsw, hnsw_parameters

M, EF_CONSTRUCTION = 32, 200
Search = Callable[[NDArray[np.float32]], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class FunnelRow:
    """One way to search.

    Attributes:
        kind: of the first stage's index: "flat" or "hnsw".
        dimensions: of the first stage.
        shortlist: vectors scored again in full; 0 without a second stage.
        ef_search: candidates that a graph's search keeps; 0 for a flat index.
        recall: the share of the flat search's results that is found.
        operations: multiply-adds a query.
        fewer: how many times fewer they are than the flat search's.
        milliseconds: of processor time a query, on one thread, one at a time.
    """

    kind: str
    dimensions: int
    shortlist: int
    ef_search: int
    recall: float
    operations: float
    fewer: float
    milliseconds: float


def funnel_table(
    vectors: NDArray[np.float32],
    queries: NDArray[np.float32],
    *,
    kinds: Sequence[str] = ("flat", "hnsw"),
    prefixes: Sequence[int] = (48, 96, 192, 256),
    shortlists: Sequence[int] = (50, 100, 200),
    ef_searches: Sequence[int] = (64, 128, 256),
    limit: int = 10,
) -> list[FunnelRow]:
    """The flat search of full vectors, and every other composition beside it.

    Args:
        vectors: unit rows, float32 of shape (n, width).
        queries: unit rows, float32 of shape (q, width).
        kinds: of the first stage: "flat", "hnsw".
        prefixes: dimensions of the first stage. A graph is also searched by all, without a second stage.
        shortlists: vectors scored again.
        ef_searches: of graphs; those under the shortlist are left out.
        limit: results wanted.

    Raises:
        InvalidInput: no vectors or no queries, or a shortlist that is not from `limit` to n.
    """
    count, width = vectors.shape
    if not count or not len(queries) or not all(limit <= shortlist <= count for shortlist in shortlists):
        raise InvalidInput(
            f"The funnel is measured over queries and vectors with shortlists from {limit} to their number; "
            f"got {len(queries)} queries, {count} vectors and shortlists {list(shortlists)}."
        )
    with one_thread(), TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.faiss"
        index = empty_flat(width, "fp32")
        index.add(vectors)
        write(index, path)
        flat = FlatVectors(path)
        wanted = flat.index.search(queries, limit)[1]

        def row(kind: str, dimensions: int, shortlist: int, ef_search: int, search: Search) -> FunnelRow:
            found, distances, seconds = _one_at_a_time(search, queries)
            scored = count if kind == "flat" else distances
            operations = scored * dimensions + shortlist * width
            hits = [np.isin(*pair).sum() for pair in zip(found, wanted, strict=True)]
            recall = float(np.sum(hits)) / wanted.size
            return FunnelRow(
                kind,
                dimensions,
                shortlist,
                ef_search,
                recall,
                operations,
                count * width / operations,
                1000 * seconds,
            )

        rows = [row("flat", width, 0, 0, lambda query: flat.index.search(query, limit)[1])]
        for kind in kinds:
            for dimensions in (*prefixes, width) if kind == "hnsw" else prefixes:
                stage = _first_stage(kind, dimensions, vectors)
                for shortlist in shortlists if dimensions < width else (0,):
                    for ef_search in ef_searches if kind == "hnsw" else (0,):
                        if ef_search and ef_search < shortlist:
                            continue
                        search = _search(stage, flat, limit, shortlist, ef_search)
                        rows.append(row(kind, dimensions, shortlist, ef_search, search))
    return rows


def _first_stage(kind: str, dimensions: int, vectors: NDArray[np.float32]) -> Any:
    inner = (
        empty_flat(dimensions, "fp32")
        if kind == "flat"
        else empty_hnsw(dimensions, "fp32", M, EF_CONSTRUCTION)
    )
    index = inner if dimensions == vectors.shape[1] else over_prefix(vectors.shape[1], inner)
    index.add(vectors)
    return index


def _search(stage: Any, flat: FlatVectors, limit: int, shortlist: int, ef_search: int) -> Search:
    graph = hnsw_parameters(ef_search, max(limit, shortlist)) if ef_search else None
    if not shortlist:
        return lambda query: stage.search(query, limit, params=graph)[1]
    parameters = over_prefix_parameters(graph) if ef_search else None
    return lambda query: refine(stage, flat, query, limit, shortlist, parameters)[1]


def _one_at_a_time(search: Search, queries: NDArray[np.float32]) -> tuple[NDArray[np.int64], float, float]:
    """Rows found, int64 of shape (q, limit); distances in graphs, and seconds, a query."""
    search(queries[:1])
    statistics = faiss.cvar.hnsw_stats
    statistics.reset()
    start = time.process_time()
    found = np.concatenate([search(queries[number : number + 1]) for number in range(len(queries))])
    seconds = time.process_time() - start
    return found, statistics.ndis / len(queries), seconds / len(queries)
