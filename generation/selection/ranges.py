"""From marked pieces of the cache to the row ranges that a kernel reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from skerry.generation.attention.state import RowRanges


def row_ranges(marked: NDArray[np.bool_], bounds: NDArray[np.int32], device: torch.device) -> RowRanges:
    """The marked pieces as ranges of rows, neighbours joined.

    Args:
        marked: (heads, pieces), over all sequences of the batch.
        bounds: (heads, pieces + 1): piece i of a head is the rows [bounds[i], bounds[i + 1]).
        device: of the cache.
    """
    heads, pieces = marked.shape
    framed = np.zeros((heads, pieces + 2), dtype=bool)
    framed[:, 1:-1] = marked
    flat = framed.ravel()
    # A mark that changes from i to i + 1 is the begin or the end of a run, in turn; no run leaves its head.
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    head, piece = np.divmod(edges, pieces + 2)
    ranges = bounds[head, piece].reshape(-1, 2)
    starts = np.zeros(heads + 1, dtype=np.int32)
    np.cumsum(np.bincount(head[::2], minlength=heads), out=starts[1:])
    return RowRanges(torch.from_numpy(starts).to(device), torch.from_numpy(ranges).to(device))


def branch_ranges(
    branches: Sequence[NDArray[np.int32]], kv_heads: int, device: str | torch.device
) -> RowRanges:
    """What each branch reads, alike for every head.

    Args:
        branches: of each: its ranges (n, 2), ascending and apart.
        kv_heads: of a layer.
        device: of the cache.
    """
    ranges = np.concatenate([branch for branch in branches for _ in range(kv_heads)])
    starts = np.zeros(len(branches) * kv_heads + 1, dtype=np.int32)
    np.cumsum(np.repeat([len(branch) for branch in branches], kv_heads), out=starts[1:])
    return RowRanges(torch.from_numpy(starts).to(device), torch.from_numpy(ranges).to(device))


def all_rows(keys: torch.Tensor) -> RowRanges:
    """Every row, for each head.

    Args:
        keys: (batch, KV heads, rows, head size).
    """
    heads, rows = keys.shape[0] * keys.shape[1], keys.shape[2]
    ranges = torch.zeros((heads, 2), dtype=torch.int32, device=keys.device)
    ranges[:, 1] = rows
    return RowRanges(torch.arange(heads + 1, dtype=torch.int32, device=keys.device), ranges)
