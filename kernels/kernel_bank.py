"""A bank of Gaussian kernels, summed over a document's words (KNRM: Xiong et al. 2017, arXiv:1706.06613).

One pass over the similarities gives all kernels' sums, another one the similarities' gradients, and nothing
but the similarities is kept between them. In torch every kernel takes several arrays of their size.
`kernels/reference/kernel_bank.py` is the slow version; it also serves types and devices that the native one
does not know.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from skerry.kernels import _native
from skerry.kernels.reference import kernel_bank as reference

__all__ = ["MOST_KERNELS", "kernel_sums"]

MOST_KERNELS = 64


def kernel_sums(
    similarity: Tensor, mask: Tensor, centres: Sequence[float], widths: Sequence[float]
) -> Tensor:
    """Sum over the last dimension of exp(-(s - mu)^2 / (2 sigma^2)), for each kernel.

    In as many threads as torch has. The gradient goes to the similarities, once. No sum depends on how much
    padding, which the mask hides, stands behind.

    Args:
        similarity: (..., D).
        mask: bool (..., D); what is false is not counted.
        centres, widths: mu and sigma of each of the K kernels.

    Returns:
        (..., K), of the similarities' type; not a number where a counted similarity is none.

    Raises:
        ValueError: shapes that differ, a mask that is not bool, more than `MOST_KERNELS`, centres and widths
            that differ in number, or a width that is not above 0.
    """
    if similarity.shape != mask.shape or similarity.ndim == 0 or mask.dtype != torch.bool:
        raise ValueError(
            f"the mask must be bool and of the shape {tuple(similarity.shape)}, "
            f"not {mask.dtype} of {tuple(mask.shape)}"
        )
    if len(centres) != len(widths) or len(centres) > MOST_KERNELS:
        raise ValueError(
            f"{len(centres)} centres and {len(widths)} widths; there may be {MOST_KERNELS} of both"
        )
    if not all(width > 0 for width in widths):
        raise ValueError(f"widths must be above 0, not {list(widths)}")
    if similarity.dtype != torch.float32 or similarity.device.type != "cpu":
        return reference.kernel_sums(similarity, mask, centres, widths)
    factors = [-math.log2(math.e) / (2 * sigma**2) for sigma in widths]
    sums: Tensor = _KernelSums.apply(  # type: ignore[no-untyped-call]
        similarity, mask, torch.tensor(centres), torch.tensor(factors)
    )
    return sums


class _KernelSums(torch.autograd.Function):
    """Similarities, mask, and float32 (K,) centres and factors of two's exponents to sums."""

    @staticmethod
    def forward(ctx: Any, similarity: Tensor, mask: Tensor, centres: Tensor, factors: Tensor) -> Tensor:
        sums = similarity.new_zeros(*similarity.shape[:-1], len(centres))
        ctx.save_for_backward(similarity, mask, centres, factors)
        if similarity.numel() and len(centres):
            rows, counted = _plane(similarity), _plane(mask.view(torch.uint8))
            _native.bank_sums(
                rows, counted, centres, factors, sums.view(-1, len(centres)), torch.get_num_threads()
            )
        return sums

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *of_sums: Tensor) -> tuple[Tensor, None, None, None]:
        similarity, mask, centres, factors = ctx.saved_tensors
        gradients = similarity.new_zeros(similarity.shape)
        if similarity.numel() and len(centres):
            _native.bank_gradients(
                _plane(similarity),
                _plane(mask.view(torch.uint8)),
                centres,
                factors,
                _plane(of_sums[0]),
                gradients.view(-1, similarity.shape[-1]),
                torch.get_num_threads(),
            )
        return gradients, None, None, None


def _plane(tensor: Tensor) -> Tensor:
    """All leading dimensions as one."""
    return tensor.detach().reshape(-1, tensor.shape[-1]).contiguous()
