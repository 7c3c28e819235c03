"""Keys and values in 8 bits: of each head and token, the largest magnitude becomes 127."""

from __future__ import annotations

import torch

SCALE_BYTES = 4


def quantise(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of shape (..., head size) as int8, and their scales, float32 of shape (...).

    No element is further from its row's original than half a scale.
    """
    exact = rows.float()
    scales = exact.abs().amax(dim=-1) / 127.0
    divisors = torch.where(scales > 0, scales, 1.0)[..., None]
    return (exact / divisors).round().clamp(-127, 127).to(torch.int8), scales


def restore(numbers: torch.Tensor, scales: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The rows that `quantise` got, in `dtype`."""
    return (numbers.float() * scales[..., None]).to(dtype)
