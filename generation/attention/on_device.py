"""The attention kernels of the device that tensors lie on: native code on a CPU, Triton on a GPU."""

from __future__ import annotations

import torch

from skerry.kernels import attention as on_cpu


def attend_suffix(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, limits: torch.Tensor, scale: float
) -> torch.Tensor:
    """Out of `skerry.kernels.attention.attend_suffix`."""
    if q.is_cuda:
        from skerry.kernels.triton.suffix import attend_suffix as on_gpu

        return on_gpu(q, k, v, limits.to(q.device), scale)[0]
    return on_cpu.attend_suffix(q, k, v, limits, scale)[0]


def attend_ranges(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    starts: torch.Tensor,
    ranges: torch.Tensor,
    scale: float,
) -> torch.Tensor:
    """Out of `skerry.kernels.attention.attend_ranges`."""
    if q.is_cuda:
        from skerry.kernels.triton.ranges import attend_ranges as on_gpu

        return on_gpu(q, k, v, starts.to(q.device), ranges.to(q.device), scale)[0]
    return on_cpu.attend_ranges(q, k, v, starts, ranges, scale)[0]
