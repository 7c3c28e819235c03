"""A-shape: the first tokens and a local window.

Xiao et al., "Efficient Streaming Language Models with Attention Sinks" (2024); as a prefill pattern: Jiang et
al., "MInference 1.0" (2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from skerry.generation.attention.base import PlannedPattern, check_setting
from skerry.generation.attention.grid import Grid, block_index
from skerry.kernels.attention import BlockIndex


@dataclass(frozen=True)
class AShape(PlannedPattern):
    """Depends on positions alone.

    Attributes:
        sinks: first tokens that all see; whole blocks of them.
        window: tokens before a query that it sees at least.
    """

    sinks: int = 128
    window: int = 1024

    def __post_init__(self) -> None:
        check_setting("a_shape", "sinks", self.sinks, 1, 2**20)
        check_setting("a_shape", "window", self.window, 1, 2**20)

    def plan(self, queries: torch.Tensor, keys: torch.Tensor, scale: float) -> BlockIndex:
        """See `PlannedPattern`."""
        grid = Grid(queries.shape[1], keys.shape[1])
        seen = (torch.arange(grid.columns) * grid.block < self.sinks) | grid.near(self.window)
        return block_index(grid, seen.expand(queries.shape[0], -1, -1))
