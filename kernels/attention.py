"""Exact attention to chosen keys: blocks of a prompt, a prefix for each query, ranges of cache rows.

Tensors are bfloat16 or float32, of one type, the last dimension contiguous; keys and values may be views.
Query head h reads KV head h // (heads / kv_heads). Every function also gives the log-sum-exp of each row's
scores (float32, natural logarithm), with which `merge` joins what was attended to in parts. A row that sees
no key gives zeros and minus infinity.

What a query gives depends on that query and on the keys that it sees: never, not even by rounding, on what
runs beside it, on threads, or on how the same keys are cut into blocks or ranges. The loops run without the
GIL, in as many threads as torch has; nothing can be trained through them. `kernels/reference/attention.py`
has the slow versions.

Native code runs whatever the density, the length and the type: it was the fastest everywhere in
`benchmarks/attention/kernels.py`, dense included. Tensors on a GPU go to `kernels/triton/`, whose calls are
the same; what is said here of rounding and of checks does not hold there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.dlpack import to_dlpack as hand  # type: ignore[attr-defined]

from skerry.kernels import _native
from skerry.kernels.block_index import BlockIndex
from skerry.kernels.reference import attention as reference

__all__ = [
    "BlockIndex",
    "attend_blocks",
    "attend_ranges",
    "attend_suffix",
    "available",
    "merge",
    "piece_shares",
]


_LANES = 16
"""Numbers of a vector: heads are padded to a multiple of it."""


def available() -> bool:
    """Whether this processor multiplies bfloat16 itself (AVX-512); others do so in float32."""
    return _native.attention_in_bf16()


def attend_blocks(q: Tensor, k: Tensor, v: Tensor, index: BlockIndex, scale: float) -> tuple[Tensor, Tensor]:
    """Block-sparse causal attention: each block of queries to its key blocks and lone keys.

    Args:
        q: (heads, n, d); query i stands at position m - n + i and sees nothing after it.
        k, v: (kv_heads, m, d), n <= m.
        index: of the queries' blocks.
        scale: of the products, above 0, usually d ** -0.5.

    Returns:
        Out (heads, n, d), of which `out.transpose(0, 1)` is contiguous, and log-sum-exp (heads, n).

    Raises:
        ValueError: shapes, types or an index that do not fit.
    """
    if q.is_cuda:
        from skerry.kernels.triton import blocks

        return blocks.attend_blocks(q, k, v, index, scale)
    _check(q, k, v, 3, 3)
    _check_whole((index.block_starts, 1), (index.blocks, 1), (index.column_starts, 1), (index.columns, 1))
    rows, out, lse = _ready(q, k, v)
    _native.attend_blocks(
        *rows,
        index.block,
        hand(index.block_starts),
        hand(index.blocks),
        hand(index.column_starts),
        hand(index.columns),
        scale,
        hand(out),
        hand(lse),
        torch.get_num_threads(),
    )
    return _given(out, q), lse


def attend_suffix(q: Tensor, k: Tensor, v: Tensor, limits: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Dense attention of each query to its own prefix of the keys: a prompt's end, or scattered rows of it.

    Args:
        q: (heads, n, d).
        k, v: (kv_heads, m, d).
        limits: int32 (n,), 0 to m: query i sees the keys [0, limits[i]).
        scale: of the products, above 0.

    Returns:
        Out (heads, n, d), of which `out.transpose(0, 1)` is contiguous, and log-sum-exp (heads, n).

    Raises:
        ValueError: shapes, types or limits that do not fit.
    """
    if q.is_cuda:
        from skerry.kernels.triton import suffix

        return suffix.attend_suffix(q, k, v, limits, scale)
    _check(q, k, v, 3, 3)
    _check_whole((limits, 1))
    rows, out, lse = _ready(q, k, v)
    _native.attend_suffix(*rows, hand(limits), scale, hand(out), hand(lse), torch.get_num_threads())
    return _given(out, q), lse


def attend_ranges(
    q: Tensor, k: Tensor, v: Tensor, starts: Tensor, ranges: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    """Attention of one query a head to ranges of rows of a cache: a step of decoding.

    Args:
        q: (batch, heads, d).
        k, v: (batch, kv_heads, capacity, d), or (1, ...): one cache that all queries of the batch read.
        starts: int32 (batch * kv_heads + 1,): where each KV head's part of `ranges` begins.
        ranges: int32 (count, 2): rows [from, to), ascending and apart within a KV head.
        scale: of the products, above 0.

    Returns:
        Out (batch, heads, d) and log-sum-exp (batch, heads).

    Raises:
        ValueError: shapes, types or ranges that do not fit.
    """
    if q.is_cuda:
        from skerry.kernels.triton import ranges as on_gpu

        return on_gpu.attend_ranges(q, k, v, starts, ranges, scale)
    _check(q, k, v, 3, 4)
    _check_whole((starts, 1), (ranges, 2))
    rows, out, lse = _ready(q, k, v)
    _native.attend_ranges(
        *rows, hand(starts), hand(ranges), scale, hand(out), hand(lse), torch.get_num_threads()
    )
    return _given(out, q), lse


def piece_shares(q: Tensor, k: Tensor, bounds: Tensor, scale: float) -> Tensor:
    """What pieces of a cache get of one query's attention to all of them; values are not read.

    Args:
        q: (batch, heads, d).
        k: (batch, kv_heads, capacity, d).
        bounds: int32 (batch, pieces + 1), ascending: piece i of a sequence is the rows
            [bounds[i], bounds[i + 1]); the softmax is over all of these rows.
        scale: of the products, above 0.

    Returns:
        float32 (batch, kv_heads, pieces): the sum of the shares over the heads that read a KV head.

    Raises:
        ValueError: shapes, types or bounds that do not fit.
    """
    if q.is_cuda:
        return reference.piece_shares(q, k, bounds, scale)
    _check(q, k, k, 3, 4)
    _check_whole((bounds, 2))
    q, k = (x.detach() if x.requires_grad else x for x in (q, k))
    if q.dtype == torch.bfloat16 and not available():
        q, k = q.float(), k.float()
    if missing := -q.shape[-1] % _LANES:
        q, k = (functional.pad(x, (0, missing)) for x in (q, k))
    out = q.new_empty((*k.shape[:2], max(bounds.shape[1] - 1, 0)), dtype=torch.float32)
    _native.piece_shares(hand(q), hand(k), hand(bounds), scale, hand(out), torch.get_num_threads())
    return out


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


def _check(q: Tensor, k: Tensor, v: Tensor, of_query: int, of_key: int) -> None:
    """What native code cannot tell apart; it checks the rest."""
    if q.dim() != of_query or k.dim() != of_key or v.dim() != of_key:
        raise ValueError(
            f"queries must have {of_query} dimensions, keys and values {of_key}, not "
            f"{tuple(q.shape)}, {tuple(k.shape)}, {tuple(v.shape)}"
        )
    if q.dtype not in (torch.bfloat16, torch.float32) or k.dtype != q.dtype or v.dtype != q.dtype:
        raise ValueError(f"types must be bfloat16 or float32, all alike, not {q.dtype}, {k.dtype}, {v.dtype}")
    if k.is_cuda or v.is_cuda:
        raise ValueError("queries on the CPU for keys and values on a GPU")


def _check_whole(*lists: tuple[Tensor, int]) -> None:
    for numbers, dimensions in lists:
        if numbers.dtype != torch.int32 or numbers.dim() != dimensions or not numbers.is_contiguous():
            raise ValueError(
                f"an index must be contiguous int32 of {dimensions} dimensions, not "
                f"{numbers.dtype} {tuple(numbers.shape)}"
            )


def _ready(q: Tensor, k: Tensor, v: Tensor) -> tuple[tuple[object, object, object], Tensor, Tensor]:
    """The rows as native code takes them, and what it writes to.

    Tensors are handed over as capsules: asked one by one for theirs they would take three times as long.
    Native code has bfloat16 only where the processor does, and heads of whole vectors. An output of many rows
    lies as models go on with it: the heads of a row side by side.
    """
    q, k, v = (x.detach() if x.requires_grad else x for x in (q, k, v))
    if q.dtype == torch.bfloat16 and not available():
        q, k, v = q.float(), k.float(), v.float()
    if missing := -q.shape[-1] % _LANES:
        q, k, v = (functional.pad(x, (0, missing)) for x in (q, k, v))
    if k.dim() == 4 and len(k) == len(v) == 1:
        k, v = (x.expand(len(q), -1, -1, -1) for x in (k, v))
    out = q.new_empty(q.shape) if k.dim() == 4 else q.new_empty(q.transpose(0, 1).shape).transpose(0, 1)
    return (hand(q), hand(k), hand(v)), out, q.new_empty(q.shape[:-1], dtype=torch.float32)


def _given(out: Tensor, q: Tensor) -> Tensor:
    return out if out.shape == q.shape and out.dtype == q.dtype else out[..., : q.shape[-1]].to(q.dtype)
