"""Which keys each block of queries sees, in block-sparse attention."""

from __future__ import annotations

from dataclasses import dataclass

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
