"""Indexes on the graphics card, where there is one and faiss was built for it (the package's extra `gpu`)."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import BackendUnavailable
from skerry.retrieval.embedding.faiss_library import faiss

_MOVED = (faiss.IndexFlat, faiss.IndexIVFFlat, faiss.IndexIVFScalarQuantizer)
_MOST = 2048
"""Results, and lists read, that the card's kernels hold."""


def fits_card(index: Any) -> bool:
    """Whether there is a card, and the faiss index is of a class that it searches: flat floats or lists."""
    return faiss.get_num_gpus() > 0 and isinstance(index, _MOVED)


class OnCard:
    """A copy of a faiss index on the first card; searches as the index does, and safe from several threads.

    Args:
        index: one that `fits_card`.

    Raises:
        BackendUnavailable: it cannot be copied; the card's memory is too small.
    """

    def __init__(self, index: Any) -> None:
        self._here = index
        self._resources = faiss.StandardGpuResources()
        self._lock = threading.Lock()  # a card's resources serve one search at a time
        try:
            self._there = faiss.index_cpu_to_gpu(self._resources, 0, index)
        except RuntimeError as error:
            raise BackendUnavailable(
                f"{index.ntotal} vectors cannot be copied to the graphics card: {error}.",
                hint="Hide the card (CUDA_VISIBLE_DEVICES=) to search without it.",
            ) from error

    def search(
        self, queries: NDArray[np.float32], limit: int, params: Any = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """As faiss's `Index.search`; done by the processor where the card's kernels hold too few results."""
        found: tuple[NDArray[np.float32], NDArray[np.int64]]
        if max(limit, getattr(params, "nprobe", 1)) > _MOST:
            found = self._here.search(queries, limit, params=params)
            return found
        with self._lock:
            found = self._there.search(queries, limit, params=params)
        return found
