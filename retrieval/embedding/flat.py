"""All vectors, one after another, as 32-bit or 16-bit floats or 8-bit integers.

Searched, it is exact up to rounding; the other kinds of index refer to it. The 8-bit quantiser divides each
dimension's range in a sample, widened by a twentieth at both ends, in 255 steps.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.embedding.faiss_file import read
from skerry.retrieval.embedding.faiss_library import faiss

QUANTISERS = {"fp16": faiss.ScalarQuantizer.QT_fp16, "int8": faiss.ScalarQuantizer.QT_8bit}
_MARGIN = 0.05


def empty_flat(width: int, storage: str) -> Any:
    """A faiss index without vectors, by inner product.

    Args:
        width: length of a vector.
        storage: "fp32", "fp16", or "int8": to be trained on a sample.
    """
    if storage == "fp32":
        return faiss.IndexFlatIP(width)
    index = faiss.IndexScalarQuantizer(width, QUANTISERS[storage], faiss.METRIC_INNER_PRODUCT)
    index.sq.rangestat_arg = _MARGIN
    return index


class FlatVectors:
    """The vectors in a file that such an index was written to, mapped.

    Attributes:
        index: the faiss index.
        count: vectors.
        width: length of a vector.

    Raises:
        IndexCorrupt: a file that is no such index.
    """

    def __init__(self, path: Path) -> None:
        self.index = read(path, faiss.IndexFlat, faiss.IndexScalarQuantizer)
        self.count = int(self.index.ntotal)
        self.width = int(self.index.d)
        self._matrix: NDArray[np.float32] | None = None
        if isinstance(self.index, faiss.IndexFlat) and self.count:
            floats = faiss.rev_swig_ptr(self.index.get_xb(), self.count * self.width)
            self._matrix = floats.reshape(self.count, self.width)

    def rows(self, low: int, high: int) -> NDArray[np.float32]:
        """Vectors [low, high): float32 of shape (high - low, width).

        A view into the file where it holds 32-bit floats: not to be written to.
        """
        if self._matrix is not None:
            return self._matrix[low:high]
        decoded: NDArray[np.float32] = self.index.reconstruct_n(low, high - low)
        return decoded

    def take(self, ordinals: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of these ordinals: float32 of shape (len(ordinals), width)."""
        if self._matrix is not None:
            return self._matrix[ordinals]
        decoded: NDArray[np.float32] = self.index.reconstruct_batch(ordinals)
        return decoded
