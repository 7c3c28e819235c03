"""Inputs by chance, on the card: prompts, any index, ranges as sentences have them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from skerry.benchmarks.attention.blocks import BLOCK, Heads
from skerry.kernels.block_index import BlockIndex

_SENTENCE = 24
"""Rows of a range."""


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
