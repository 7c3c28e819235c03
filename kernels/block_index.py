"""Which keys each block of queries sees, in block-sparse attention."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["BlockIndex"]


@dataclass(frozen=True, slots=True)
class BlockIndex:
    """Key blocks and lone keys of each block of queries, for every head.

    A row is a head and a block of queries, `head * query_blocks + query_block`; query block b holds the
    queries from b * `block` on. Key block c holds the keys from c * `block` on. What lies after a query is
    never seen, whatever the index says.

    Attributes:
        block: queries and keys of a block, a multiple of 16.
        block_starts: int32 (heads * query_blocks + 1,): where each row's part of `blocks` begins.
        blocks: int32: numbers of key blocks, ascending within a row.
        column_starts: int32, as `block_starts`, for `columns`.
        columns: int32: positions of lone keys, ascending within a row, none in one of the row's blocks.
    """

    block: int
    block_starts: Tensor
    blocks: Tensor
    column_starts: Tensor
    columns: Tensor

    def check(self, heads: int, queries: int, keys: int) -> None:
        """Raise ValueError unless it is the index of `heads` heads over so many queries and keys."""
        if self.block < 16 or self.block % 16:
            raise ValueError(f"a block of {self.block}: it must be a multiple of 16")
        rows = heads * -(-queries // self.block)
        for name, starts, numbers, most in (
            ("block", self.block_starts, self.blocks, -(-keys // self.block)),
            ("column", self.column_starts, self.columns, keys),
        ):
            if starts.dtype != torch.int32 or numbers.dtype != torch.int32:
                raise ValueError(f"{name}s and where they start must be int32")
            if starts.shape != (rows + 1,) or numbers.dim() != 1:
                raise ValueError(f"{name}_starts of shape {tuple(starts.shape)}, wanted ({rows + 1},)")
            steps = starts.diff()
            if int(starts[0]) != 0 or int(starts[-1]) != len(numbers) or bool((steps < 0).any()):
                raise ValueError(f"{name}_starts must rise from 0 to {len(numbers)}")
            if len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) < most:
                raise ValueError(f"a {name} is not from 0 to {most - 1}")
            within = torch.ones(max(len(numbers) - 1, 0), dtype=torch.bool, device=numbers.device)
            borders = starts[1:-1].long()
            within[borders[(borders > 0) & (borders < len(numbers))] - 1] = False
            if bool((within & (numbers.diff() <= 0)).any()):
                raise ValueError(f"the {name}s of a row must rise")
        if len(self.columns):
            of_column = torch.repeat_interleave(torch.arange(rows, device=self.columns.device), steps)
            of_block = torch.repeat_interleave(
                torch.arange(rows, device=self.columns.device), self.block_starts.diff()
            )
            wide = -(-keys // self.block)
            taken = of_column * wide + self.columns // self.block
            if bool(torch.isin(taken, of_block * wide + self.blocks).any()):
                raise ValueError("a lone column lies in one of its row's blocks")
