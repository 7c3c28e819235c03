"""Blocks of queries and keys, each as the mean of its vectors: a rough attention map of blocks."""

from __future__ import annotations

import torch
from torch.nn import functional

from skerry.generation.attention.grid import Grid
from skerry.generation.attention.last_queries import scores_of


def pooled(vectors: torch.Tensor, block: int) -> torch.Tensor:
    """Means of runs of `block` vectors, the last may be shorter: (heads, n, d) to (heads, blocks, d)."""
    heads, n, size = vectors.shape
    whole = n // block
    means = vectors[:, : whole * block].reshape(heads, whole, block, size).mean(2)
    if whole * block == n:
        return means
    return torch.cat([means, vectors[:, whole * block :].mean(1, keepdim=True)], 1)


def block_shares(grid: Grid, queries: torch.Tensor, keys: torch.Tensor, scale: float) -> torch.Tensor:
    """Softmax over the key blocks that a query block sees, float32 (heads, rows, columns)."""
    scores = scores_of(pooled(queries, grid.block), pooled(keys, grid.block), scale)
    return functional.softmax(scores.masked_fill_(~grid.visible(), -torch.inf), dim=-1)
