"""FlexPrefill: each head chooses between blocks picked for its queries and vertical-slash lines.

Lai et al., "FlexPrefill: A Context-Aware Sparse Attention Mechanism for Efficient Long-Sequence Inference"
(2025).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from skerry.generation.attention.base import PlannedPattern, check_setting
from skerry.generation.attention.grid import Grid, block_index
from skerry.generation.attention.last_queries import attention_of_last, slash_mass, vertical_mass
from skerry.generation.attention.lines import covering, slash_blocks
from skerry.generation.attention.pooled import block_shares, pooled
from skerry.kernels.attention import BlockIndex


@dataclass(frozen=True)
class FlexPrefill(PlannedPattern):
    """Nothing is tuned per head beforehand.

    For the last block of queries the true attention map is worked out. Where the rough map of mean queries
    and mean keys is near it (square root of the Jensen-Shannon divergence under `tau`), the rough map chooses
    the blocks of all queries, the fewest that cover `gamma` of it; else the true map gives the fewest keys
    and the fewest distances that each cover `gamma`. The first block and a query block's own are always seen.

    Attributes:
        gamma: share of the estimated attention that is covered.
        tau: largest distance between the two maps at which the rough one is believed.
    """

    gamma: float = 0.9
    tau: float = 0.1

    def __post_init__(self) -> None:
        check_setting("flex_prefill", "gamma", self.gamma, 0.0, 1.0)
        check_setting("flex_prefill", "tau", self.tau, 0.0, 1.0)

    def plan(self, queries: torch.Tensor, keys: torch.Tensor, scale: float) -> BlockIndex:
        """See `PlannedPattern`."""
        grid = Grid(queries.shape[1], keys.shape[1])
        attention = attention_of_last(queries, keys, scale, grid.block)
        rough = block_shares(grid, queries, keys, scale)
        believed = self._believes(grid, attention, queries, keys, scale)
        vertical = covering(vertical_mass(attention) / attention.shape[1], self.gamma)
        slash = covering(slash_mass(attention) / attention.shape[1], self.gamma)
        flat = covering(rough.flatten(1) / grid.rows, self.gamma).view_as(rough)
        blocks = torch.where(believed[:, None, None], flat, slash_blocks(grid, slash)) | grid.near()
        blocks[:, :, 0] = True
        lone = grid.lone(len(blocks))
        lone[:, :, : grid.keys] = (vertical & ~believed[:, None])[:, None]
        return block_index(grid, blocks, lone)

    def _believes(
        self, grid: Grid, attention: torch.Tensor, queries: torch.Tensor, keys: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """Whether each head's rough map of the last queries is near the true one, bool (heads,)."""
        last = queries[:, -attention.shape[1] :]
        rough = block_shares(
            Grid(1, grid.columns, 1), last.mean(1, keepdim=True), pooled(keys, grid.block), scale
        )
        whole = torch.nn.functional.pad(attention.mean(1), (0, grid.columns * grid.block - grid.keys))
        true = whole.view(-1, grid.columns, grid.block).sum(-1)
        return jensen_shannon(rough.squeeze(1), true) < self.tau**2


def jensen_shannon(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Divergence of distributions along the last dimension, natural logarithm: 0 to log 2."""
    middle = ((one + other) / 2).clamp(min=torch.finfo(one.dtype).tiny).log()
    parts = [torch.xlogy(p, p) - p * middle for p in (one, other)]
    return ((parts[0] + parts[1]).sum(-1) / 2).clamp(min=0.0)
