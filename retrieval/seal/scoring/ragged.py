"""Parts of arrays, one after another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def spans(
    values: NDArray[np.uint32], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.uint32]:
    """values[start:start + length] of each start and length, shape (k,); shape (sum of lengths,)."""
    before = np.cumsum(lengths) - lengths
    found: NDArray[np.uint32] = values[np.arange(lengths.sum()) + np.repeat(starts - before, lengths)]
    return found


def parts(
    offsets: NDArray[np.int64], values: NDArray[np.uint32], chosen: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Of parts values[offsets[i]:offsets[i + 1]], those `chosen` (k,): their offsets (k + 1,) and values."""
    lengths = np.diff(offsets)[chosen]
    ends = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    return ends, spans(values, offsets[chosen], lengths)
