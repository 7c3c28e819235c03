"""The kernel bank in torch, one array a kernel: the slow version, of any type and on any device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def kernel_sums(
    similarity: Tensor, mask: Tensor, centres: Sequence[float], widths: Sequence[float]
) -> Tensor:
    """See `skerry.kernels.kernel_bank.kernel_sums`."""
    counted = mask.to(similarity.dtype)
    sums = [
        (torch.exp((similarity - mu).square() * (-1 / (2 * sigma**2))) * counted).sum(-1)
        for mu, sigma in zip(centres, widths, strict=True)
    ]
    return torch.stack(sums, dim=-1) if sums else similarity.new_zeros(*similarity.shape[:-1], 0)
