"""The leading dimensions of vectors, as unit vectors of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def leading(vectors: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    """The first `dimensions` of each row, scaled to unit length: float32 of shape (n, dimensions).

    A row whose leading dimensions are all zero stays zero.
    """
    first = vectors[:, :dimensions]
    unit: NDArray[np.float32] = first / lengths(first)[:, None]
    return unit


def lengths(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Euclidean length of each row, float32 of shape (n,); never quite zero, so that one can divide by it."""
    found: NDArray[np.float32] = np.maximum(np.linalg.norm(vectors, axis=1), np.finfo(np.float32).tiny)
    return found
