"""How the query blocks of a part of a prompt lie over the key blocks of all that was read."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from skerry.kernels.attention import BlockIndex

BLOCK = 128
"""Queries, and keys, of a block."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Blocks of n queries, the last n of m positions.

    Attributes:
        queries, keys: n and m.
        block: positions of a block. Query blocks count from the first query, key blocks from the first key:
            where n is not m, a query block may stand across two key blocks.
    """

    queries: int
    keys: int
    block: int = BLOCK

    @property
    def rows(self) -> int:
        """Query blocks."""
        return -(-self.queries // self.block)

    @property
    def columns(self) -> int:
        """Key blocks."""
        return -(-self.keys // self.block)

    def first(self) -> torch.Tensor:
        """Position of each query block's first query, int64 (rows,)."""
        return torch.arange(self.rows) * self.block + (self.keys - self.queries)

    def last(self) -> torch.Tensor:
        """Position of each query block's last query, int64 (rows,)."""
        return (self.first() + self.block - 1).clamp(max=self.keys - 1)

    def visible(self) -> torch.Tensor:
        """Which key blocks a query block sees any of, bool (rows, columns)."""
        return torch.arange(self.columns) <= (self.last() // self.block)[:, None]

    def own(self) -> torch.Tensor:
        """The key blocks that a query block's own positions lie in, bool (rows, columns)."""
        return self.visible() & (torch.arange(self.columns) >= (self.first() // self.block)[:, None])


def block_index(grid: Grid, blocks: torch.Tensor, lone: torch.Tensor | None = None) -> BlockIndex:
    """The kernel's index from masks, without what no query of a block sees and lone keys within blocks.

    Args:
        grid: of the queries.
        blocks: bool (heads, rows, columns), key blocks that each query block attends to.
        lone: bool (heads, rows, keys), keys that it attends to besides.
    """
    chosen = blocks & grid.visible()
    heads = chosen.shape[0]
    block_starts, numbers = _sparse_rows(chosen)
    if lone is None:
        nothing = torch.zeros(0, dtype=torch.int32)
        return BlockIndex(grid.block, block_starts, numbers, torch.zeros_like(block_starts), nothing)
    padded = lone
    if grid.keys < grid.columns * grid.block:
        padded = torch.nn.functional.pad(lone, (0, grid.columns * grid.block - grid.keys))
    outside = (grid.visible() & ~chosen)[..., None]
    padded = (padded.view(heads, grid.rows, grid.columns, grid.block) & outside).flatten(2)
    column_starts, columns = _sparse_rows(padded)
    return BlockIndex(grid.block, block_starts, numbers, column_starts, columns)


def _sparse_rows(mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where each row's part begins, int32 (rows + 1,), and the places of its true entries, int32."""
    width = mask.shape[-1]
    flat = mask.reshape(-1, width)
    starts = torch.zeros(len(flat) + 1, dtype=torch.int32)
    torch.cumsum(flat.sum(-1, dtype=torch.int32), 0, dtype=torch.int32, out=starts[1:])
    return starts, flat.flatten().nonzero().flatten().remainder_(width).to(torch.int32)
