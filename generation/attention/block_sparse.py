"""Block-sparse: the key blocks whose mean key fits a query block's mean query best.

Jiang et al., "MInference 1.0" (2024), whose blocks have 64 tokens; here they are the kernel's 128.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from skerry.generation.attention.base import PlannedPattern, check_setting
from skerry.generation.attention.grid import Grid, block_index
from skerry.generation.attention.lines import covering, largest
from skerry.generation.attention.pooled import block_shares
from skerry.kernels.attention import BlockIndex


@dataclass(frozen=True)
class BlockSparse(PlannedPattern):
    """The first block and a query block's own are always seen.

    Attributes:
        blocks: key blocks of each query block; 0 lets `cover` decide.
        cover: share of the estimated attention that the chosen blocks have.
    """

    blocks: int = 0
    cover: float = 0.9

    def __post_init__(self) -> None:
        check_setting("block_sparse", "blocks", self.blocks, 0, 2**20)
        check_setting("block_sparse", "cover", self.cover, 0.0, 1.0)

    def plan(self, queries: torch.Tensor, keys: torch.Tensor, scale: float) -> BlockIndex:
        """See `PlannedPattern`."""
        grid = Grid(queries.shape[1], keys.shape[1])
        shares = block_shares(grid, queries, keys, scale)
        chosen = largest(shares, self.blocks) if self.blocks else covering(shares, self.cover)
        chosen[:, :, 0] = True
        return block_index(grid, chosen | grid.near())
