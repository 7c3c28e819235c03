"""Which rows of an index belong to which passage, where a passage has several vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import IndexCorrupt
from skerry.core.files import atomic_writer, naming_full_disk

STARTS_FILE = "starts.npy"


def starts_of(counts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Where each passage's rows start, and where the last one's end: int64 of shape (passages + 1,).

    Args:
        counts: rows of the passages, in pieces.
    """
    return np.cumsum(np.concatenate([np.zeros(1, np.int64), *counts]))


def rows_of(starts: NDArray[np.int64], passages: NDArray[np.int64]) -> NDArray[np.int64]:
    """All rows of these passages, passage by passage: int64 of shape (rows,)."""
    counts = starts[passages + 1] - starts[passages]
    ends = np.cumsum(counts)
    rows: NDArray[np.int64] = np.arange(counts.sum()) + np.repeat(starts[passages] - ends + counts, counts)
    return rows


def write_starts(folder: Path, starts: NDArray[np.int64]) -> None:
    """Write them into the folder. Raises `BackendUnavailable` where the disk fails."""
    with naming_full_disk(folder), atomic_writer(folder / STARTS_FILE) as file:
        np.save(file, starts)


def read_starts(folder: Path, passages: int, rows: int) -> NDArray[np.int64]:
    """Those of so many passages that have so many rows together, mapped.

    Raises:
        IndexCorrupt: a file that is missing, damaged, or of other passages or rows.
    """
    path = folder / STARTS_FILE
    try:
        starts: NDArray[np.int64] = np.load(path, mmap_mode="r")
        if starts.dtype != np.int64 or starts.shape != (passages + 1,):
            raise ValueError(f"it holds {starts.dtype} of shape {starts.shape} for {passages} passages")
        if (starts[0], starts[-1]) != (0, rows) or not (np.diff(starts) > 0).all():
            raise ValueError(f"it does not divide {rows} vectors among {passages} passages")
    except (OSError, ValueError, EOFError) as error:
        raise IndexCorrupt(
            f"The dense index's file {path} cannot be used: {error}.",
            hint="Run `skerry index verify`, or build the index again.",
            details={"path": str(path)},
        ) from error
    return starts
