"""Blocks of a density, by chance: what block-sparse kernels are timed with."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from skerry.kernels.block_index import BlockIndex

BLOCK = 128


@dataclass(frozen=True, slots=True)
class Heads:
    """Of a model: query heads, KV heads, numbers of each."""

    queries: int
    keys: int
    size: int

    def __str__(self) -> str:
        return f"{self.queries}/{self.keys}x{self.size}"

    @property
    def scale(self) -> float:
        return float(self.size**-0.5)


def blocks(heads: int, n: int, density: float, device: str = "cpu") -> Tensor:
    """Which key blocks each block of queries sees, bool (heads, blocks, blocks).

    Its own, the first, and others by chance: `density` of those that it could see.
    """
    wide = -(-n // BLOCK)
    rng = torch.Generator(device).manual_seed(0)
    order = torch.rand(heads, wide, wide, generator=rng, device=device)
    order[:, :, 0] = 2
    order.diagonal(dim1=1, dim2=2).fill_(3)
    order.masked_fill_(torch.ones(wide, wide, dtype=torch.bool, device=device).triu(1), -1)
    rank = order.argsort(dim=2, descending=True).argsort(dim=2)
    count = (torch.arange(1, wide + 1, device=device) * density).round().clamp(min=1)
    return (rank < count[None, :, None]) & (order >= 0)


def density_of(chosen: Tensor) -> float:
    """Share of the blocks that could be seen."""
    heads, wide, _ = chosen.shape
    return float(chosen.sum()) / (heads * wide * (wide + 1) / 2)


def index_of(chosen: Tensor, lone: int = 0) -> BlockIndex:
    """The index of `blocks`, and of `lone` keys from the second block on, whose blocks it then leaves out."""
    if lone:
        chosen = chosen.clone()
        chosen[:, :, 1 : 1 + -(-lone // BLOCK)] = False
    of_rows = chosen.flatten(0, 1)
    columns = torch.arange(BLOCK, BLOCK + lone, device=chosen.device).repeat(len(of_rows))
    column_starts = torch.arange(0, (len(of_rows) + 1), device=chosen.device) * lone
    return BlockIndex(
        BLOCK,
        functional.pad(of_rows.sum(1).cumsum(0), (1, 0)).int(),
        of_rows.nonzero()[:, 1].int(),
        column_starts.int(),
        columns.int(),
    )
