"""Attention of one query a head to ranges of rows of a cache: a step of decoding.

The chosen rows of a KV head are divided evenly among programs, wherever the ranges' borders lie; the heads
that share them read each row once.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from skerry.kernels.triton.check import check_rows
from skerry.kernels.triton.join import join
from skerry.kernels.triton.launch import launch_of
from skerry.kernels.triton.tile import INTERPRETED, LOWEST, absorb, finish

__all__ = ["attend_ranges"]

_WANTED = 528
"""Programs that keep a large GPU's memory busy: four for each of 132 processors."""


@triton.jit
def _kernel(
    q,
    k,
    v,
    out,
    lse,
    starts,
    ranges,
    ends,
    q_batch,
    q_head,
    k_batch,
    k_head,
    k_row,
    v_batch,
    v_head,
    v_row,
    kv_heads,
    group,
    heads,
    steps,
    factor,
    SIZE: tl.constexpr,
    LANES: tl.constexpr,
    WIDE: tl.constexpr,
    TILE: tl.constexpr,
    PRECISION: tl.constexpr,
    UPCAST: tl.constexpr,
):
    row = tl.program_id(0)
    split = tl.program_id(1)
    batch = (row // kv_heads).to(tl.int64)
    kv_head = (row % kv_heads).to(tl.int64)
    numbers = tl.arange(0, LANES)
    held = numbers < SIZE
    lanes = tl.arange(0, WIDE)
    inside = lanes < group
    queries = tl.load(
        q + batch * q_batch + (kv_head * group + lanes[:, None]) * q_head + numbers[None, :],
        mask=inside[:, None] & held[None, :],
        other=0.0,
    )
    top = tl.full((WIDE,), LOWEST, tl.float32)
    total = tl.zeros((WIDE,), tl.float32)
    acc = tl.zeros((WIDE, LANES), tl.float32)
    keys_at = k + batch * k_batch + kv_head * k_head + numbers[:, None]
    values_at = v + batch * v_batch + kv_head * v_head + numbers[None, :]
    begin = tl.load(starts + row)
    end = tl.load(starts + row + 1)
    # `ends` counts rows over all ranges: those of this KV head are [first, last).
    first = tl.load(ends + begin - 1, mask=begin > 0, other=0)
    last = tl.load(ends + end - 1, mask=end > begin, other=0)
    last = tl.where(end > begin, last, first)
    tiles = tl.cdiv(last - first, TILE)
    per_split = tl.cdiv(tiles, tl.num_programs(1)) * TILE
    stop = tl.minimum(first + (split + 1) * per_split, last)
    for start in range(first + split * per_split, stop, TILE):
        which = start + tl.arange(0, TILE)
        there = which < stop
        # The first range that ends after the row.
        low = tl.full((TILE,), 0, tl.int32) + begin
        high = tl.full((TILE,), 0, tl.int32) + end
        for _ in range(steps):
            middle = (low + high) // 2
            after = tl.load(ends + middle, mask=there & (low < high), other=0) > which
            high = tl.where((low < high) & after, middle, high)
            low = tl.where((low < high) & (after == 0), middle + 1, low)
        low = tl.where(there, low, begin)
        behind = tl.load(ends + low, mask=there, other=0) - which
        keys = (tl.load(ranges + 2 * low + 1, mask=there, other=0) - behind).to(tl.int64)
        key = tl.load(keys_at + keys[None, :] * k_row, mask=held[:, None] & there[None, :], other=0.0)
        value = tl.load(values_at + keys[:, None] * v_row, mask=held[None, :] & there[:, None], other=0.0)
        seen = inside[:, None] & there[None, :]
        top, total, acc = absorb(queries, key, value, seen, top, total, acc, factor, PRECISION, UPCAST)
    given, logs = finish(top, total, acc)
    to = split.to(tl.int64) * (tl.num_programs(0) * group) + batch * heads + kv_head * group + lanes
    tl.store(
        out + to[:, None] * SIZE + numbers[None, :],
        given.to(out.dtype.element_ty),
        mask=inside[:, None] & held[None, :],
    )
    tl.store(lse + to, logs, mask=inside)


def attend_ranges(
    q: Tensor, k: Tensor, v: Tensor, starts: Tensor, ranges: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    """See `skerry.kernels.attention.attend_ranges`; ranges are not checked.

    Raises:
        ValueError: shapes or types that do not fit.
    """
    check_rows(q, k, v, 3, 4)
    batch, heads, size = q.shape
    kv_heads, capacity = k.shape[1:3]
    if len(k) == len(v) == 1:
        k, v = (x.expand(batch, -1, -1, -1) for x in (k, v))
    if batch != k.shape[0]:
        raise ValueError(f"queries of {batch} sequences for keys of {k.shape[0]}")
    if starts.dtype != torch.int32 or ranges.dtype != torch.int32:
        raise ValueError("ranges and where they start must be int32")
    if starts.shape != (batch * kv_heads + 1,) or ranges.dim() != 2 or ranges.shape[1] != 2:
        raise ValueError(f"starts must have the shape ({batch * kv_heads + 1},) and ranges (count, 2)")
    ranges = ranges.contiguous()
    ends = (ranges[:, 1] - ranges[:, 0]).cumsum(0, dtype=torch.int32)
    launch = launch_of(q)
    splits = max(1, min(_WANTED // (batch * kv_heads), -(-capacity // launch.tile)))
    group = heads // kv_heads
    out = torch.empty(
        (splits, batch, heads, size), dtype=q.dtype if splits == 1 else torch.float32, device=q.device
    )
    lse = torch.empty((splits, batch, heads), dtype=torch.float32, device=q.device)
    _kernel[(batch * kv_heads, splits)](
        q,
        k,
        v,
        out,
        lse,
        starts,
        ranges,
        ends,
        q.stride(0),
        q.stride(1),
        k.stride(0),
        k.stride(1),
        k.stride(2),
        v.stride(0),
        v.stride(1),
        v.stride(2),
        kv_heads,
        group,
        heads,
        len(ranges).bit_length(),
        scale * math.log2(math.e),
        SIZE=size,
        LANES=launch.lanes,
        WIDE=max(16, int(triton.next_power_of_2(group))),
        TILE=launch.tile,
        PRECISION=launch.precision,
        UPCAST=INTERPRETED,
        num_warps=4,
        num_stages=2,
    )
    return join(out, lse, q.dtype)
