"""Stripes: each block of queries sees the single keys that matter to it, wherever they stand.

After Zhang et al., "AnchorAttention: Difference-Aware Sparse Attention with Stripe Granularity" (2025): mean
queries are compared with every key, and a key is kept by how far its score lies below the rest. There the
measure is the highest score; here it is the share of the attention, against what equal shares would give.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import torch

from skerry.core.errors import InvalidInput
from skerry.generation.attention.base import PlannedPattern, check_setting
from skerry.generation.attention.grid import BLOCK, Grid, block_index, count_in_blocks
from skerry.generation.attention.pooled import pooled
from skerry.kernels import stripes
from skerry.kernels.attention import BlockIndex, attend_suffix

_FIRST_KEYS = 4
_SEGMENT = 8
"""Query blocks that are looked at together: their scores stay in a processor's cache."""


@dataclass(frozen=True)
class Stripe(PlannedPattern):
    """A key is seen by a query block when one of its mean queries gives it enough.

    Attributes:
        window: tokens before a query block that it sees in any case, in whole blocks: what is near is looked
            at by single queries, which means do not show.
        share: of the attention that a key needs, in equal shares: 1 is what a key of m would get if all got
            the same.
        samples: mean queries of a block, a power of two.
        whole: share of a key block's keys from which on the block is seen whole, which costs less than lone
            keys.
    """

    window: int = 512
    share: float = 1.5
    samples: int = 4
    whole: float = 0.7

    def __post_init__(self) -> None:
        check_setting("stripe", "window", self.window, 0, 2**20)
        check_setting("stripe", "share", self.share, 0.0, 1e6)
        check_setting("stripe", "samples", self.samples, 1, 32)
        if BLOCK % self.samples:
            raise InvalidInput(
                f"samples of the prefill pattern stripe is {self.samples}; it must be a power of two.",
                details={"field": "samples", "pattern": "stripe"},
            )
        check_setting("stripe", "whole", self.whole, 0.0, 1.0)

    def plan(self, queries: torch.Tensor, keys: torch.Tensor, scale: float) -> BlockIndex:
        """See `PlannedPattern`."""
        if queries.dtype == torch.bfloat16 and queries.shape[-1] % 2 == 0 and stripes.available():
            return stripes.plan_stripes(
                queries,
                keys,
                scale,
                block=BLOCK,
                samples=self.samples,
                first_keys=_FIRST_KEYS,
                window=self.window,
                share=self.share,
                whole=self.whole,
            )
        return self._plan(queries, keys, scale)

    def _plan(self, queries: torch.Tensor, keys: torch.Tensor, scale: float) -> BlockIndex:
        """The same with torch alone, for numbers and processors that the kernel does not know."""
        heads, n, _ = queries.shape
        grid = Grid(n, keys.shape[1])
        run = BLOCK // self.samples
        means = pooled(queries, run)
        limits = torch.arange(means.shape[1], dtype=torch.int32) * run + (grid.keys - n + run // 2 + 1)
        limits.clamp_(max=grid.keys)
        # Of the attention of the mean queries, only what its shares are shares of is asked for.
        lse = attend_suffix(means, keys, keys, limits, scale)[1]
        least = (lse + (self.share / limits).log()).unsqueeze(-1).to(queries.dtype)
        means = means * scale
        seen = grid.lone(heads)
        for start in range(0, grid.rows, _SEGMENT):
            end = min(start + _SEGMENT, grid.rows)
            upto = min(grid.keys, grid.keys - n + end * BLOCK)
            of = slice(start * self.samples, end * self.samples)
            self._mark(seen[:, start:end], means[:, of], keys[:, :upto], least[:, of])
        seen[:, :, :_FIRST_KEYS] = True
        blocks = (count_in_blocks(grid, seen) >= self.whole * grid.block) | grid.near(self.window)
        return block_index(grid, blocks, seen)

    def _mark(self, seen: torch.Tensor, means: torch.Tensor, keys: torch.Tensor, least: torch.Tensor) -> None:
        """Write which keys mean queries score above their least, into bool (heads, blocks, keys or more)."""
        heads, blocks, _ = seen.shape
        count, m = means.shape[1], keys.shape[1]
        scores = torch.matmul(means.reshape(len(keys), -1, means.shape[-1]), keys.transpose(1, 2))
        enough = torch.zeros((heads, blocks * self.samples, -(-m // 8) * 8), dtype=torch.bool)
        torch.gt(scores.view(heads, count, m), least, out=enough[:, :count, :m])
        # Eight keys in a number.
        words = enough.view(torch.int64).view(heads, blocks, self.samples, -1)
        seen.view(torch.int64)[:, :, : words.shape[-1]] = reduce(torch.bitwise_or, words.unbind(2))
