"""Vertical-slash: a head's strongest keys for all queries, and its strongest distances.

Jiang et al., "MInference 1.0: Accelerating Pre-filling for Long-Context LLMs via Dynamic Sparse Attention"
(2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from skerry.generation.attention.base import PlannedPattern, check_setting
from skerry.generation.attention.grid import Grid, block_index
from skerry.generation.attention.last_queries import attention_of_last, slash_mass, vertical_mass
from skerry.generation.attention.lines import largest, slash_blocks
from skerry.kernels.attention import BlockIndex

_QUERIES = 64
_FIRST_KEYS, _NEAREST = 30, 100
"""Keys and distances that are always taken, as the paper's code does."""


@dataclass(frozen=True)
class VerticalSlash(PlannedPattern):
    """Estimated from the last 64 queries. Distances become the blocks that they cross, keys stay lone keys.

    Attributes:
        vertical: keys of a head that all queries see.
        slash: distances at which all queries look back.
    """

    vertical: int = 256
    slash: int = 512

    def __post_init__(self) -> None:
        check_setting("vertical_slash", "vertical", self.vertical, _FIRST_KEYS, 2**20)
        check_setting("vertical_slash", "slash", self.slash, _NEAREST, 2**20)

    def plan(self, queries: torch.Tensor, keys: torch.Tensor, scale: float) -> BlockIndex:
        """See `PlannedPattern`."""
        grid = Grid(queries.shape[1], keys.shape[1])
        attention = attention_of_last(queries, keys, scale, _QUERIES)
        vertical, slash = vertical_mass(attention), slash_mass(attention)
        vertical[:, :_FIRST_KEYS] = torch.inf
        slash[:, :_NEAREST] = torch.inf
        blocks = slash_blocks(grid, largest(slash, self.slash)) | grid.near()
        lone = grid.lone(len(blocks))
        lone[:, :, : grid.keys] = largest(vertical, self.vertical)[:, None]
        return block_index(grid, blocks, lone)
