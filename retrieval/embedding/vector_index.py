"""A vector index, opened: search by all dimensions or by some, with a second scoring or without."""

from __future__ import annotations

import json
from math import ceil, inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.retrieval.embedding.build import FLAT_FILE, PREFIX_FILE, SEARCH_FILE, SHAPE_FILE
from skerry.retrieval.embedding.exact import exact_search
from skerry.retrieval.embedding.faiss_file import damaged, read
from skerry.retrieval.embedding.faiss_library import faiss
from skerry.retrieval.embedding.flat import FlatVectors
from skerry.retrieval.embedding.funnel import over_prefix_parameters, refine, rescore
from skerry.retrieval.embedding.gpu import OnCard, fits_card
from skerry.retrieval.embedding.hnsw import attach, hnsw_parameters
from skerry.retrieval.embedding.ivf import ivf_parameters
from skerry.retrieval.embedding.spec import SearchOptions

Found = tuple[NDArray[np.float32], NDArray[np.int64]]
_CLASSES = {
    "flat": (faiss.IndexFlat, faiss.IndexScalarQuantizer),
    "hnsw": (faiss.IndexHNSW,),
    "ivf": (faiss.IndexIVF,),
}


class VectorIndex:
    """What `build_index` wrote, mapped into memory, not read. Safe to call from several threads.

    Attributes:
        count: vectors.
        dimensions: length of a vector.
        kind: "flat", "hnsw" or "ivf".
        prefix: leading dimensions that have an index of their own; 0 without one.

    Raises:
        IndexCorrupt: a file that is missing, damaged or does not fit the others; names it.
        BackendUnavailable: a graphics card that the index does not fit.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / SHAPE_FILE
        try:
            shape = json.loads(path.read_bytes())
            self.count, self.dimensions = int(shape["count"]), int(shape["width"])
            self.kind, self.prefix = str(shape["kind"]), int(shape["prefix"])
            self._lists = int(shape["lists"])
            self._classes = _CLASSES[self.kind]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(path, f"{type(error).__name__}: {error}") from error
        self._flat = FlatVectors(folder / FLAT_FILE)
        self._check(self._flat.index, folder / FLAT_FILE)
        self._full: Any = self._flat.index
        if self.kind != "flat":
            self._full = read(folder / SEARCH_FILE, *self._classes)
            self._check(self._full, folder / SEARCH_FILE)
        if self.kind == "hnsw":
            attach(self._full, self._flat.index)
        if fits_card(self._full):
            self._full = OnCard(self._full)
        self._prefix: Any = self._open_prefix(folder / PREFIX_FILE) if self.prefix else None

    def _open_prefix(self, path: Path) -> Any:
        index = read(path, faiss.IndexPreTransform)
        self._check(index, path)
        inner = faiss.downcast_index(index.index)
        if inner.d != self.prefix or not isinstance(inner, self._classes):
            raise damaged(path, f"it holds a {type(inner).__name__} of {inner.d} dimensions")
        return index

    def _check(self, index: Any, path: Path) -> None:
        if (index.ntotal, index.d) != (self.count, self.dimensions):
            found, wanted = f"{index.ntotal} of {index.d}", f"{self.count} of {self.dimensions}"
            raise damaged(path, f"it has {found} dimensions, where {wanted} are expected")

    def search(
        self,
        vectors: NDArray[np.float32],
        limit: int,
        options: SearchOptions,
        within: NDArray[np.int64] | None = None,
    ) -> Found:
        """The `limit` nearest rows to each vector.

        Args:
            vectors: unit rows, float32 of shape (q, dimensions).
            limit: at least 1.
            options: how.
            within: where given, only these rows, found exactly in every kind of index.

        Returns:
            Cosines, descending, and row numbers, both of shape (q, k), k being the least of `limit`, `count`
            and the length of `within`; -inf and -1 where an approximate search found fewer.

        Raises:
            InvalidInput: vectors of another length, dimensions out of range, an oversample under 1.
        """
        dimensions, rescored = self._stages(vectors, options)
        most = self.count if within is None else len(within)
        limit = min(limit, most)
        if limit == 0 or len(vectors) == 0:
            return np.empty((len(vectors), limit), np.float32), np.empty((len(vectors), limit), np.int64)
        shortlist = limit if rescored == dimensions else min(most, ceil(limit * options.oversample))
        index = self._index_of(dimensions, options.exact) if within is None else None
        parameters = self._parameters(index, shortlist, options)
        if index is not None and index is self._prefix and rescored == self.dimensions:
            scores, rows = refine(index, self._flat, vectors, limit, shortlist, parameters)
        else:
            if index is None:
                scores, rows = exact_search(self._flat, vectors, shortlist, dimensions, within)
            else:
                scores, rows = index.search(vectors, shortlist, params=parameters)
            if rescored != dimensions:
                scores, rows = rescore(self._flat, vectors, rows, limit, rescored)
        return np.where(rows < 0, np.float32(-np.inf), scores), rows

    def _index_of(self, dimensions: int, exact: bool) -> Any:
        """What finds vectors by so many dimensions; None where each must be scored."""
        if dimensions == self.dimensions:
            return self._flat.index if exact else self._full
        return self._prefix if dimensions == self.prefix and not exact else None

    def _parameters(self, index: Any, limit: int, options: SearchOptions) -> Any:
        """faiss's, for a search in `index`; None where there is nothing to say."""
        if self.kind == "flat" or index is None or index is self._flat.index:
            return None
        if self.kind == "hnsw":
            parameters = hnsw_parameters(options.ef_search, limit)
        else:
            parameters = ivf_parameters(options.nprobe, self._lists)
        return over_prefix_parameters(parameters) if index is self._prefix else parameters

    def _stages(self, vectors: NDArray[np.float32], options: SearchOptions) -> tuple[int, int]:
        """Dimensions of the first scoring and of the last."""
        first = self.dimensions if options.dimensions is None else options.dimensions
        last = first if options.rescore_dimensions is None else options.rescore_dimensions
        for name, value in (("dimensions", first), ("rescore_dimensions", last)):
            if not 1 <= value <= self.dimensions:
                raise InvalidInput(f"{name} must be from 1 to {self.dimensions}; got {value}.")
        if vectors.shape[1] != self.dimensions:
            raise InvalidInput(
                f"The index has vectors of {self.dimensions} dimensions, not {vectors.shape[1]}."
            )
        if not 1 <= options.oversample < inf:
            raise InvalidInput(f"oversample must be at least 1, and finite; got {options.oversample}.")
        return first, last
