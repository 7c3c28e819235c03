"""Vector indexes of faiss: flat (exact) and HNSW (a graph, approximate), by inner product."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import BackendUnavailable, IndexCorrupt

try:
    faiss: Any = import_module("faiss")  # its own type stubs lack half of what is used here
except ModuleNotFoundError as error:
    raise BackendUnavailable(
        "The dense leg needs faiss, which is not installed.",
        hint="Install it with `pip install 'skerry[cpu]'` (or 'skerry[gpu]').",
        details={"package": "faiss-cpu"},
    ) from error


def build_flat(blocks: Iterable[NDArray[np.float32]], dimensions: int, path: Path) -> None:
    """Write an exact index of the blocks' rows, each block float32 of shape (n, dimensions), in order."""
    index = faiss.IndexFlatIP(dimensions)
    for block in blocks:
        index.add(block)
    faiss.write_index(index, str(path))


def build_hnsw(
    blocks: Iterable[NDArray[np.float32]], dimensions: int, path: Path, m: int, ef_construction: int
) -> None:
    """Write an HNSW graph over the blocks' rows.

    Nodes are linked by one thread, in order: slower than with many, and the same graph every time.

    Args:
        blocks: float32 arrays of shape (n, dimensions).
        dimensions: length of a vector.
        path: the file to write.
        m: links a node.
        ef_construction: candidates looked at for each new node.
    """
    index = faiss.IndexHNSWFlat(dimensions, m, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = ef_construction
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        for block in blocks:
            index.add(block)
    finally:
        faiss.omp_set_num_threads(threads)
    faiss.write_index(index, str(path))


class VectorIndex:
    """A faiss index, opened for reading; a flat one is mapped, not read. Safe to call from several threads.

    Raises:
        IndexCorrupt: a file that faiss cannot read, or one of another kind than flat and HNSW.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._index: Any = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise IndexCorrupt(
                f"The vector index {path} cannot be read: {reason}.",
                hint="Run `skerry index verify`, or build the index again.",
                details={"path": str(path)},
            ) from error
        self._graph = isinstance(self._index, faiss.IndexHNSWFlat)
        self._flat: Any = faiss.downcast_index(self._index.storage) if self._graph else self._index
        if not isinstance(self._flat, faiss.IndexFlat):
            raise IndexCorrupt(
                f"The vector index {path} is a {type(self._index).__name__}, not a flat or HNSW one.",
                hint="Build the index again.",
                details={"path": str(path)},
            )
        self.count = int(self._index.ntotal)
        self.dimensions = int(self._index.d)

    def search(
        self, vectors: NDArray[np.float32], limit: int, ef_search: int, within: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The `limit` nearest rows to each vector.

        Args:
            vectors: float32 of shape (queries, dimensions).
            limit: at least 1.
            ef_search: candidates an HNSW search keeps; raised to `limit`. A flat index does not use it.
            within: where given, only these rows, found exactly in either kind of index.

        Returns:
            Inner products, descending, and row numbers, both of shape (queries, at most limit); -1 where an
            HNSW search found fewer.
        """
        if within is not None:
            limit = min(limit, len(within))
        limit = min(limit, self.count)
        if limit == 0:
            return np.empty((len(vectors), 0), np.float32), np.empty((len(vectors), 0), np.int64)
        if within is not None:
            chosen = faiss.SearchParameters(sel=faiss.IDSelectorBatch(within))
            found = self._flat.search(vectors, limit, params=chosen)
        elif self._graph:
            wide = faiss.SearchParametersHNSW(efSearch=max(ef_search, limit))
            found = self._index.search(vectors, limit, params=wide)
        else:
            found = self._index.search(vectors, limit)
        products: NDArray[np.float32] = found[0]
        rows: NDArray[np.int64] = found[1]
        return products, rows
