"""Softmax, mean and maximum over what is not padding; 0 where there is nothing else."""

from __future__ import annotations

import torch
from torch import Tensor


def masked_softmax(logits: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the last dimension of (..., L); the mask, bool, has the same shape."""
    shares = torch.softmax(logits.masked_fill(~mask, torch.finfo(logits.dtype).min), dim=-1)
    return shares * mask


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the words of (n, L, width), bool mask (n, L): (n, width)."""
    weights = mask.unsqueeze(2).to(values.dtype)
    return (values * weights).sum(1) / weights.sum(1).clamp(min=1)


def masked_max(values: Tensor, mask: Tensor, dim: int) -> Tensor:
    """Maximum along a dimension; the mask, bool, broadcasts to `values`."""
    top = values.masked_fill(~mask, -torch.inf).amax(dim)
    return top.masked_fill(top == -torch.inf, 0.0)
