"""Block-sparse causal attention with lone columns."""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from skerry.kernels.block_index import BlockIndex
from skerry.kernels.triton.check import check_rows
from skerry.kernels.triton.launch import launch_of
from skerry.kernels.triton.tile import INTERPRETED, LOWEST, absorb, finish, take

__all__ = ["attend_blocks"]


@triton.jit
def _kernel(
    q,
    k,
    v,
    out,
    lse,
    block_starts,
    blocks,
    column_starts,
    columns,
    q_head,
    q_row,
    k_head,
    k_row,
    v_head,
    v_row,
    n,
    m,
    group,
    factor,
    SIZE: tl.constexpr,
    LANES: tl.constexpr,
    BLOCK: tl.constexpr,
    ROWS: tl.constexpr,
    TILE: tl.constexpr,
    PRECISION: tl.constexpr,
    UPCAST: tl.constexpr,
):
    # The last blocks see most: first they.
    part = tl.num_programs(0) - 1 - tl.program_id(0)
    block = part // (BLOCK // ROWS)
    head = tl.program_id(1).to(tl.int64)
    kv_head = head // group
    numbers = tl.arange(0, LANES)
    held = numbers < SIZE
    rows = part * ROWS + tl.arange(0, ROWS)
    inside = rows < n
    positions = m - n + rows
    queries = tl.load(
        q + head * q_head + rows[:, None].to(tl.int64) * q_row + numbers[None, :],
        mask=inside[:, None] & held[None, :],
        other=0.0,
    )
    top = tl.full((ROWS,), LOWEST, tl.float32)
    total = tl.zeros((ROWS,), tl.float32)
    acc = tl.zeros((ROWS, LANES), tl.float32)
    keys_at = k + kv_head * k_head + numbers[:, None]
    values_at = v + kv_head * v_head + numbers[None, :]
    row = head * tl.cdiv(n, BLOCK) + block
    begin = tl.load(block_starts + row)
    end = tl.load(block_starts + row + 1)
    # Blocks rise: those that some query may not see whole come last.
    first = m - n + part * ROWS
    whole = end
    while (whole > begin) & (
        (tl.load(blocks + whole - 1, mask=whole > begin, other=0) + 1) * BLOCK > first + 1
    ):
        whole -= 1
    per_block: tl.constexpr = BLOCK // TILE
    for at in range(begin * per_block, whole * per_block):
        start = tl.load(blocks + at // per_block) * BLOCK + at % per_block * TILE
        keys = (start + tl.arange(0, TILE)).to(tl.int64)
        key = take(keys_at + keys[None, :] * k_row, held[:, None], SIZE == LANES)
        value = take(values_at + keys[:, None] * v_row, held[None, :], SIZE == LANES)
        seen = tl.full((ROWS, TILE), 1, tl.int1)
        top, total, acc = absorb(queries, key, value, seen, top, total, acc, factor, PRECISION, UPCAST)
    for at in range(whole * per_block, end * per_block):
        start = tl.load(blocks + at // per_block) * BLOCK + at % per_block * TILE
        keys = (start + tl.arange(0, TILE)).to(tl.int64)
        there = keys < m
        key = tl.load(keys_at + keys[None, :] * k_row, mask=held[:, None] & there[None, :], other=0.0)
        value = tl.load(values_at + keys[:, None] * v_row, mask=held[None, :] & there[:, None], other=0.0)
        seen = (keys[None, :] <= positions[:, None]) & there[None, :]
        top, total, acc = absorb(queries, key, value, seen, top, total, acc, factor, PRECISION, UPCAST)
    begin = tl.load(column_starts + row)
    end = tl.load(column_starts + row + 1)
    for at in range(begin, end, TILE):
        which = at + tl.arange(0, TILE)
        there = which < end
        keys = tl.load(columns + which, mask=there, other=0).to(tl.int64)
        key = tl.load(keys_at + keys[None, :] * k_row, mask=held[:, None] & there[None, :], other=0.0)
        value = tl.load(values_at + keys[:, None] * v_row, mask=held[None, :] & there[:, None], other=0.0)
        seen = (keys[None, :] <= positions[:, None]) & there[None, :]
        top, total, acc = absorb(queries, key, value, seen, top, total, acc, factor, PRECISION, UPCAST)
    given, logs = finish(top, total, acc)
    to = head * n + rows
    tl.store(
        out + to[:, None] * SIZE + numbers[None, :],
        given.to(out.dtype.element_ty),
        mask=inside[:, None] & held[None, :],
    )
    tl.store(lse + to, logs, mask=inside)


def attend_blocks(q: Tensor, k: Tensor, v: Tensor, index: BlockIndex, scale: float) -> tuple[Tensor, Tensor]:
    """See `skerry.kernels.attention.attend_blocks`.

    Sequences of a batch may be given as more heads: head b * heads + h reads KV head
    b * kv_heads + h // group.

    Raises:
        ValueError: shapes or types that do not fit, or a block that is no power of two from 16 to 128.
    """
    check_rows(q, k, v, 3, 3)
    heads, n, size = q.shape
    m, block = k.shape[1], index.block
    if n > m:
        raise ValueError(f"{n} queries at the end of {m} keys")
    if block not in (16, 32, 64, 128):
        raise ValueError(f"a block of {block}: it must be 16, 32, 64 or 128")
    parts = -(-n // block)
    if index.block_starts.shape != (heads * parts + 1,) or index.column_starts.shape != (heads * parts + 1,):
        raise ValueError(f"the index has {len(index.block_starts) - 1} rows, wanted {heads * parts}")
    out = torch.empty((heads, n, size), dtype=q.dtype, device=q.device)
    lse = torch.empty((heads, n), dtype=torch.float32, device=q.device)
    if n == 0:
        return out, lse
    launch = launch_of(q)
    rows = min(block, launch.rows)
    _kernel[(-(-n // rows), heads)](
        q,
        k,
        v,
        out,
        lse,
        index.block_starts,
        index.blocks,
        index.column_starts,
        index.columns,
        q.stride(0),
        q.stride(1),
        k.stride(0),
        k.stride(1),
        v.stride(0),
        v.stride(1),
        n,
        m,
        heads // k.shape[0],
        scale * math.log2(math.e),
        SIZE=size,
        LANES=launch.lanes,
        BLOCK=block,
        ROWS=rows,
        TILE=min(block, launch.tile),
        PRECISION=launch.precision,
        UPCAST=INTERPRETED,
        num_warps=launch.warps(rows),
        num_stages=launch.stages,
    )
    return out, lse
