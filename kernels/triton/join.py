"""Parts of one attention, worked out by several programs, made one by their log-sum-exps."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from skerry.kernels.triton.tile import LOWEST

__all__ = ["join"]


@triton.jit
def _kernel(outs, lses, out, lse, count, splits, SIZE: tl.constexpr, LANES: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    numbers = tl.arange(0, LANES)
    held = numbers < SIZE
    top = tl.full((1,), LOWEST, tl.float32)
    total = tl.zeros((1,), tl.float32)
    acc = tl.zeros((LANES,), tl.float32)
    for split in range(splits):
        at = split * count + row
        log = tl.load(lses + at)
        part = tl.load(outs + at * SIZE + numbers, mask=held, other=0.0).to(tl.float32)
        above = tl.maximum(top, log)
        fall = tl.exp(top - above)
        share = tl.exp(log - above)
        total = total * fall + share
        acc = acc * fall + share * part
        top = above
    nothing = total == 0.0
    acc = acc / tl.where(nothing, 1.0, total)
    tl.store(out + row * SIZE + numbers, acc.to(out.dtype.element_ty), mask=held)
    log = tl.where(nothing, float("-inf"), top + tl.log(tl.where(nothing, 1.0, total)))
    tl.store(lse + row + tl.arange(0, 1), log)


def join(outs: Tensor, lses: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Merge parts.

    Args:
        outs: contiguous (parts, ..., d).
        lses: contiguous (parts, ...), float32.
        dtype: of the output.

    Returns:
        Out (..., d) and log-sum-exp (...).
    """
    if outs.shape[0] == 1:
        return outs[0].to(dtype), lses[0]
    out = torch.empty(outs.shape[1:], dtype=dtype, device=outs.device)
    lse = torch.empty_like(lses[0])
    size = outs.shape[-1]
    _kernel[(lse.numel(),)](
        outs,
        lses,
        out,
        lse,
        lse.numel(),
        outs.shape[0],
        SIZE=size,
        LANES=triton.next_power_of_2(size),
        num_warps=1,
    )
    return out, lse
