"""What can be said of a call's tensors without reading them."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["check_rows"]


def check_rows(q: Tensor, k: Tensor, v: Tensor, of_query: int, of_key: int) -> None:
    """Raise ValueError for queries, keys and values that do not go together."""
    if q.dim() != of_query or k.dim() != of_key or k.shape != v.shape:
        raise ValueError(
            f"queries must have {of_query} dimensions, keys and values {of_key} and one shape, not "
            f"{tuple(q.shape)}, {tuple(k.shape)}, {tuple(v.shape)}"
        )
    if q.dtype not in (torch.bfloat16, torch.float32) or k.dtype != q.dtype or v.dtype != q.dtype:
        raise ValueError(f"types must be bfloat16 or float32, all alike, not {q.dtype}, {k.dtype}, {v.dtype}")
    if q.shape[-1] != k.shape[-1] or not 0 < q.shape[-1] <= 256:
        raise ValueError(f"heads of {q.shape[-1]} numbers for keys of {k.shape[-1]}: alike, and at most 256")
    heads, kv_heads = q.shape[1 if of_key == 4 else 0], k.shape[-3]
    if kv_heads == 0 or heads % kv_heads:
        raise ValueError(f"{heads} query heads cannot share {kv_heads} KV heads")
    if any(x.stride(-1) != 1 for x in (q, k, v) if x.numel()):
        raise ValueError("the last dimension must be contiguous")
