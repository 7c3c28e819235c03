"""Exact attention to chosen keys: blocks of a prompt, a prefix for each query, ranges of cache rows.

Tensors are bfloat16 or float32, of one type, the last dimension contiguous; keys and values may be views.
Query head h reads KV head h // (heads / kv_heads). Every function also gives the log-sum-exp of each row's
scores (float32, natural logarithm), with which `merge` joins what was attended to in parts. A row that sees
no key gives zeros and minus infinity. `kernels/reference/attention.py` has the slow versions.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from skerry.kernels.block_index import BlockIndex
from skerry.kernels.reference import attention as reference

__all__ = ["BlockIndex", "attend_blocks", "attend_ranges", "attend_suffix", "available", "merge"]


def available() -> bool:
    """Whether this processor has the fast loops: bfloat16 products of AVX-512."""
    return False


def attend_blocks(q: Tensor, k: Tensor, v: Tensor, index: BlockIndex, scale: float) -> tuple[Tensor, Tensor]:
    """Block-sparse causal attention: each block of queries to its key blocks and lone keys.

    Args:
        q: (heads, n, d); query i stands at position m - n + i and sees nothing after it.
        k, v: (kv_heads, m, d), n <= m.
        index: of the queries' blocks.
        scale: of the products, usually d ** -0.5.

    Returns:
        Out (heads, n, d) and log-sum-exp (heads, n).

    Raises:
        ValueError: shapes, types or an index that do not fit.
    """
    _check(q, k, v, "heads, n, d", 3)
    if q.shape[1] > k.shape[1]:
        raise ValueError(f"{q.shape[1]} queries at the end of {k.shape[1]} keys")
    index.check(q.shape[0], q.shape[1], k.shape[1])
    return reference.attend_blocks(q, k, v, index, scale)


def attend_suffix(q: Tensor, k: Tensor, v: Tensor, limits: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Dense attention of each query to its own prefix of the keys: a prompt's end, or scattered rows of it.

    Args:
        q: (heads, n, d).
        k, v: (kv_heads, m, d).
        limits: int32 (n,), 0 to m: query i sees the keys [0, limits[i]).
        scale: of the products.

    Returns:
        Out (heads, n, d) and log-sum-exp (heads, n).

    Raises:
        ValueError: shapes, types or limits that do not fit.
    """
    _check(q, k, v, "heads, n, d", 3)
    if limits.dtype != torch.int32 or limits.shape != (q.shape[1],):
        raise ValueError(
            f"limits must be int32 of shape ({q.shape[1]},), not {limits.dtype} {tuple(limits.shape)}"
        )
    if len(limits) and not 0 <= int(limits.min()) <= int(limits.max()) <= k.shape[1]:
        raise ValueError(f"a limit is not from 0 to {k.shape[1]}")
    return reference.attend_suffix(q, k, v, limits, scale)


def attend_ranges(
    q: Tensor, k: Tensor, v: Tensor, starts: Tensor, ranges: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    """Attention of one query a head to ranges of rows of a cache: a step of decoding.

    Args:
        q: (batch, heads, d).
        k, v: (batch, kv_heads, capacity, d).
        starts: int32 (batch * kv_heads + 1,): where each KV head's part of `ranges` begins.
        ranges: int32 (count, 2): rows [from, to), ascending and apart within a KV head.
        scale: of the products.

    Returns:
        Out (batch, heads, d) and log-sum-exp (batch, heads).

    Raises:
        ValueError: shapes, types or ranges that do not fit.
    """
    _check(q.unsqueeze(-2), k, v, "batch, heads, d", 4)
    if q.shape[0] != k.shape[0]:
        raise ValueError(f"queries of {q.shape[0]} sequences for keys of {k.shape[0]}")
    rows = k.shape[0] * k.shape[1]
    if starts.dtype != torch.int32 or ranges.dtype != torch.int32:
        raise ValueError("ranges and where they start must be int32")
    if starts.shape != (rows + 1,) or ranges.dim() != 2 or ranges.shape[1] != 2:
        raise ValueError(f"starts must have the shape ({rows + 1},) and ranges (count, 2)")
    borders = starts.tolist()
    if borders[0] != 0 or borders[-1] != len(ranges) or sorted(borders) != borders:
        raise ValueError(f"starts must rise from 0 to {len(ranges)}")
    flat = ranges.tolist()
    for begin, end in pairwise(borders):
        last = 0
        for first, after in flat[begin:end]:
            if not last <= first <= after <= k.shape[2]:
                raise ValueError(f"the ranges of a KV head must ascend and lie within {k.shape[2]} rows")
            last = after
    return reference.attend_ranges(q, k, v, starts, ranges, scale)


def merge(outs: Sequence[Tensor], lses: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Join what the same queries give over separate keys.

    Args:
        outs: each (..., d).
        lses: each (...), the log-sum-exp of the same part.

    Returns:
        What one call over all those keys would give: out and log-sum-exp.

    Raises:
        ValueError: no parts, or parts of different shapes.
    """
    if not outs or len(outs) != len(lses):
        raise ValueError(f"{len(outs)} outputs and {len(lses)} log-sum-exps to merge")
    if any(
        out.shape != outs[0].shape or out.shape[:-1] != lse.shape for out, lse in zip(outs, lses, strict=True)
    ):
        raise ValueError("parts to merge must have one shape")
    return reference.merge(outs, lses)


def _check(q: Tensor, k: Tensor, v: Tensor, shape: str, dimensions: int) -> None:
    if q.dim() != dimensions or k.dim() != dimensions or k.shape != v.shape:
        raise ValueError(
            f"queries must be ({shape}), keys and values alike, not "
            f"{tuple(q.shape)}, {tuple(k.shape)}, {tuple(v.shape)}"
        )
    if q.dtype not in (torch.bfloat16, torch.float32) or k.dtype != q.dtype or v.dtype != q.dtype:
        raise ValueError(f"types must be bfloat16 or float32, all alike, not {q.dtype}, {k.dtype}, {v.dtype}")
    if q.shape[-1] != k.shape[-1] or q.shape[-1] == 0:
        raise ValueError(f"heads of {q.shape[-1]} numbers for keys of {k.shape[-1]}")
    heads, kv_heads = q.shape[-3], k.shape[-3]
    if kv_heads == 0 or heads % kv_heads:
        raise ValueError(f"{heads} query heads cannot share {kv_heads} KV heads")
