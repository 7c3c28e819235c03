"""Inputs by chance: heads of models, blocks of a density, ranges as sentences have them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from skerry.kernels.block_index import BlockIndex

BLOCK = 128
_SENTENCE = 24
"""Rows of a range."""


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


HEADS = (Heads(9, 3, 64), Heads(32, 8, 128))
BATCHES = (1, 8)
LENGTHS = (4096, 16384, 65536)
DENSITIES = (0.05, 0.1, 0.25, 0.5)


def rows(*shape: int, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    """Normally distributed, on the card."""
    return torch.randn(*shape, device="cuda", dtype=dtype)


def prompt(heads: Heads, batch: int, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Queries (batch, heads, n, size), keys and values."""
    return (
        rows(batch, heads.queries, n, heads.size),
        rows(batch, heads.keys, n, heads.size),
        rows(batch, heads.keys, n, heads.size),
    )


def blocks(heads: int, n: int, density: float, device: str = "cuda") -> Tensor:
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


def any_index(heads: int, n: int, m: int) -> BlockIndex:
    """Any blocks, those that lie after the queries too, and any lone keys outside of them."""
    of_rows, wide = heads * -(-n // BLOCK), -(-m // BLOCK)
    taken = torch.rand(of_rows, wide, device="cuda") < 0.3
    free = (torch.rand(of_rows, m, device="cuda") < 0.05) & ~taken.repeat_interleave(BLOCK, 1)[:, :m]

    def listed(which: Tensor) -> tuple[Tensor, Tensor]:
        return functional.pad(which.sum(1).cumsum(0), (1, 0)).int(), which.nonzero()[:, 1].int()

    return BlockIndex(BLOCK, *listed(taken), *listed(free))


def sentences(of_heads: int, context: int, budget: int) -> tuple[Tensor, Tensor]:
    """Evenly spread ranges of `budget` rows in all, for each of so many KV heads."""
    if budget >= context:
        each = torch.tensor([[0, context]])
    else:
        first = torch.linspace(0, context - _SENTENCE, budget // _SENTENCE).long()
        each = torch.stack([first, first + _SENTENCE], 1)
    starts = torch.arange(of_heads + 1) * len(each)
    return starts.int().cuda(), each.repeat(of_heads, 1).int().cuda()
