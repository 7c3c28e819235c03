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

    def lone(self, heads: int) -> torch.Tensor:
        """A mask of keys with nothing in it, bool (heads, rows, columns * block)."""
        return torch.zeros((heads, self.rows, self.columns * self.block), dtype=torch.bool)

    def visible(self) -> torch.Tensor:
        """Which key blocks a query block sees any of, bool (rows, columns)."""
        return torch.arange(self.columns) <= (self.last() // self.block)[:, None]

    def near(self, window: int = 0) -> torch.Tensor:
        """The key blocks of a query block's own positions and of `window` before, bool (rows, columns)."""
        first = (self.first() - window).clamp(min=0) // self.block
        return self.visible() & (torch.arange(self.columns) >= first[:, None])


def block_index(grid: Grid, blocks: torch.Tensor, lone: torch.Tensor | None = None) -> BlockIndex:
    """The kernel's index from masks, without what no query of a block sees and lone keys within blocks.

    Args:
        grid: of the queries.
        blocks: bool (heads, rows, columns), key blocks that each query block attends to.
        lone: bool (heads, rows, columns * block), keys that it attends to besides; is written to.
    """
    chosen = blocks & grid.visible()
    block_starts, numbers = _sparse_rows(chosen, chosen.sum(-1, dtype=torch.int32))
    if lone is None:
        nothing = torch.zeros(0, dtype=torch.int32)
        return BlockIndex(grid.block, block_starts, numbers, torch.zeros_like(block_starts), nothing)
    _words(grid, lone).masked_fill_((chosen | ~grid.visible())[..., None], 0)
    lone[:, :, grid.keys :] = False
    column_starts, columns = _sparse_rows(lone, count_in_blocks(grid, lone).sum(-1, dtype=torch.int32))
    return BlockIndex(grid.block, block_starts, numbers, column_starts, columns)


def count_in_blocks(grid: Grid, lone: torch.Tensor) -> torch.Tensor:
    """Keys of each key block in a mask (heads, rows, columns * block), int32 (heads, rows, columns)."""
    # Eight bytes are added at once; a byte has room for the 16 words of a block.
    bytes_of_blocks = _words(grid, lone).sum(-1, keepdim=True).view(torch.uint8)
    return bytes_of_blocks.sum(-1, dtype=torch.int32)


def _words(grid: Grid, lone: torch.Tensor) -> torch.Tensor:
    """A mask of keys, eight in a number: int64 (heads, rows, columns, block / 8)."""
    return lone.view(torch.int64).view(*lone.shape[:2], grid.columns, grid.block // 8)


def _sparse_rows(mask: torch.Tensor, counts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where each row's part begins, int32 (rows + 1,), and the places of its true entries, int32."""
    starts = torch.zeros(counts.numel() + 1, dtype=torch.int32)
    torch.cumsum(counts.flatten(), 0, dtype=torch.int32, out=starts[1:])
    return starts, mask.flatten().nonzero().flatten().remainder_(mask.shape[-1]).to(torch.int32)
