"""Attention with capped scores, cap * tanh(score / cap), as in Gemma 2: torch's own has no such cap."""

from __future__ import annotations

import torch
from torch.nn import functional


def attend_with_softcap(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    scale: float,
    cap: float,
    dropout: float = 0.0,
) -> torch.Tensor:
    """Shape (batch, n, heads, head size), with transformers' "eager" roundings.

    Args:
        query: (batch, heads, n, head size).
        key, value: (batch, KV heads, m, head size).
        mask: bool that spreads to (batch, heads, n, m), True where query and key meet; None where all do.
        scale: of the products, before the cap.
        dropout: share of the weights that is dropped.
    """
    group = query.shape[1] // key.shape[1]
    keys, values = key.repeat_interleave(group, 1), value.repeat_interleave(group, 1)
    scores = torch.tanh(torch.matmul(query, keys.transpose(2, 3)) * scale / cap) * cap
    if mask is not None:
        scores = scores + torch.where(mask, 0.0, torch.finfo(scores.dtype).min).to(scores.dtype)
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    weights = functional.dropout(weights, p=dropout)
    return torch.matmul(weights, values).transpose(1, 2).contiguous()
