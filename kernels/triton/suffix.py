"""Dense attention of each query to its own prefix of the keys.

The heads that share keys lie beside one another in a tile, so that few queries fill it; keys are divided
among programs where queries alone would leave the GPU idle.
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
from skerry.kernels.triton.tile import INTERPRETED, LOWEST, absorb, finish, take

__all__ = ["attend_suffix"]

_WANTED = 264
"""Programs that keep a large GPU busy: two for each of 132 processors."""
_LEAST = 1024
"""Keys that are worth a program."""


@triton.jit
def _kernel(
    q,
    k,
    v,
    out,
    lse,
    limits,
    q_head,
    q_row,
    k_head,
    k_row,
    v_head,
    v_row,
    n,
    m,
    group,
    heads,
    per_split,
    factor,
    SIZE: tl.constexpr,
    LANES: tl.constexpr,
    WIDE: tl.constexpr,
    TILE: tl.constexpr,
    PRECISION: tl.constexpr,
    UPCAST: tl.constexpr,
):
    part = tl.num_programs(0) - 1 - tl.program_id(0)
    kv_head = tl.program_id(1).to(tl.int64)
    split = tl.program_id(2)
    numbers = tl.arange(0, LANES)
    held = numbers < SIZE
    lanes = part * WIDE + tl.arange(0, WIDE)
    rows = (lanes // group).to(tl.int64)
    of_heads = kv_head * group + lanes % group
    inside = rows < n
    limit = tl.load(limits + rows, mask=inside, other=0)
    queries = tl.load(
        q + of_heads[:, None] * q_head + rows[:, None] * q_row + numbers[None, :],
        mask=inside[:, None] & held[None, :],
        other=0.0,
    )
    top = tl.full((WIDE,), LOWEST, tl.float32)
    total = tl.zeros((WIDE,), tl.float32)
    acc = tl.zeros((WIDE, LANES), tl.float32)
    keys_at = k + kv_head * k_head + numbers[:, None]
    values_at = v + kv_head * v_head + numbers[None, :]
    begin = split * per_split
    end = tl.minimum(begin + per_split, tl.max(limit, 0))
    # All queries see what lies before the least of their limits.
    least = tl.min(tl.where(inside, limit, m), 0)
    whole = begin + tl.maximum(tl.minimum(least, end) - begin, 0) // TILE * TILE
    for start in range(begin, whole, TILE):
        keys = (start + tl.arange(0, TILE)).to(tl.int64)
        key = take(keys_at + keys[None, :] * k_row, held[:, None], SIZE == LANES)
        value = take(values_at + keys[:, None] * v_row, held[None, :], SIZE == LANES)
        seen = tl.full((WIDE, TILE), 1, tl.int1)
        top, total, acc = absorb(queries, key, value, seen, top, total, acc, factor, PRECISION, UPCAST)
    for start in range(whole, end, TILE):
        keys = (start + tl.arange(0, TILE)).to(tl.int64)
        there = keys < end
        key = tl.load(keys_at + keys[None, :] * k_row, mask=held[:, None] & there[None, :], other=0.0)
        value = tl.load(values_at + keys[:, None] * v_row, mask=held[None, :] & there[:, None], other=0.0)
        seen = (keys[None, :] < limit[:, None]) & there[None, :]
        top, total, acc = absorb(queries, key, value, seen, top, total, acc, factor, PRECISION, UPCAST)
    given, logs = finish(top, total, acc)
    to = (split * heads + of_heads) * n + rows
    tl.store(
        out + to[:, None] * SIZE + numbers[None, :],
        given.to(out.dtype.element_ty),
        mask=inside[:, None] & held[None, :],
    )
    tl.store(lse + to, logs, mask=inside)


def attend_suffix(q: Tensor, k: Tensor, v: Tensor, limits: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """See `skerry.kernels.attention.attend_suffix`; limits are not checked.

    Raises:
        ValueError: shapes or types that do not fit.
    """
    check_rows(q, k, v, 3, 3)
    heads, n, size = q.shape
    kv_heads, m = k.shape[:2]
    if limits.dtype != torch.int32 or limits.shape != (n,):
        raise ValueError(f"limits must be int32 of shape ({n},), not {limits.dtype} {tuple(limits.shape)}")
    if n == 0:
        return torch.empty_like(q), torch.empty((heads, 0), dtype=torch.float32, device=q.device)
    launch = launch_of(q)
    wide = min(launch.rows, max(16, int(triton.next_power_of_2(n * heads // kv_heads))))
    parts = -(-n * (heads // kv_heads) // wide)
    splits = max(1, min(_WANTED // (parts * kv_heads), -(-m // _LEAST)))
    per_split = -(-m // (splits * launch.tile)) * launch.tile
    out = torch.empty(
        (splits, heads, n, size), dtype=q.dtype if splits == 1 else torch.float32, device=q.device
    )
    lse = torch.empty((splits, heads, n), dtype=torch.float32, device=q.device)
    _kernel[(parts, kv_heads, splits)](
        q,
        k,
        v,
        out,
        lse,
        limits,
        q.stride(0),
        q.stride(1),
        k.stride(0),
        k.stride(1),
        v.stride(0),
        v.stride(1),
        n,
        m,
        heads // kv_heads,
        heads,
        per_split,
        scale * math.log2(math.e),
        SIZE=size,
        LANES=launch.lanes,
        WIDE=wide,
        TILE=launch.tile,
        PRECISION=launch.precision,
        UPCAST=INTERPRETED,
        num_warps=launch.warps(wide),
        num_stages=launch.stages,
    )
    return join(out, lse, q.dtype)
