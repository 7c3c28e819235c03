"""Stripes: each block of queries sees the single keys that matter to it, wherever they stand.

After Zhang et al., "AnchorAttention: Difference-Aware Sparse Attention with Stripe Granularity" (2025): mean
queries are compared with every key, and a key is kept by how far its score lies below the rest. There the
measure is the highest score; here it is the share of the attention, against what equal shares would give.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from skerry.core.errors import InvalidInput
from skerry.generation.attention.base import PlannedPattern, check_setting
from skerry.generation.attention.grid import BLOCK, Grid, block_index, count_in_blocks
from skerry.generation.attention.last_queries import scores_of
from skerry.generation.attention.pooled import pooled
from skerry.kernels.attention import BlockIndex

_FIRST_KEYS = 4
_SEGMENT = 1024
"""Queries that are looked at together: their scores stay in a processor's cache."""


@dataclass(frozen=True)
class Stripe(PlannedPattern):
    """A key is seen by a query block when one of its mean queries gives it enough.

    Attributes:
        share: of the attention that a key needs, in equal shares: 1 is what a key of m would get if all got
            the same.
        samples: mean queries of a block, a power of two.
        whole: share of a key block's keys from which on the block is seen whole, which costs less than lone
            keys.
    """

    share: float = 0.6
    samples: int = 4
    whole: float = 0.7

    def __post_init__(self) -> None:
        check_setting("stripe", "share", self.share, 0.0, 1e6)
        check_setting("stripe", "samples", self.samples, 1, 128)
        if BLOCK % self.samples:
            raise InvalidInput(
                f"samples of the prefill pattern stripe is {self.samples}; it must be a power of two.",
                details={"field": "samples", "pattern": "stripe"},
            )
        check_setting("stripe", "whole", self.whole, 0.0, 1.0)

    def plan(self, queries: torch.Tensor, keys: torch.Tensor, scale: float) -> BlockIndex:
        """See `PlannedPattern`."""
        heads, n, _ = queries.shape
        grid = Grid(n, keys.shape[1])
        seen = grid.lone(heads)
        for start in range(0, n, _SEGMENT):
            end = min(start + _SEGMENT, n)
            upto = grid.keys - n + end
            rows = slice(start // grid.block, -(-end // grid.block))
            self._mark(seen[:, rows, :upto], queries[:, start:end], keys[:, :upto], scale)
        seen[:, :, :_FIRST_KEYS] = True
        blocks = (count_in_blocks(grid, seen) >= self.whole * grid.block) | grid.own()
        return block_index(grid, blocks, seen)

    def _mark(self, seen: torch.Tensor, queries: torch.Tensor, keys: torch.Tensor, scale: float) -> None:
        """Which keys the blocks of the last queries see, into bool (heads, blocks, keys)."""
        heads, blocks, m = seen.shape
        n = queries.shape[1]
        run = BLOCK // self.samples
        means = pooled(queries, run)
        scores = scores_of(means, keys, scale)
        middle = torch.arange(means.shape[1]) * run + (m - n + run // 2)
        later = torch.arange(m - n, m) > middle[:, None]
        scores[:, :, m - n :].masked_fill_(later, -torch.inf)
        scores -= scores.amax(-1, keepdim=True)
        weights = scores.exp_()
        least = weights.sum(-1, keepdim=True) * (self.share / (middle + 1))[:, None]
        enough = weights > least
        short = blocks * self.samples - means.shape[1]
        if short:
            enough = torch.nn.functional.pad(enough, (0, 0, 0, short))
        torch.any(enough.view(heads, blocks, self.samples, m), dim=2, out=seen)
