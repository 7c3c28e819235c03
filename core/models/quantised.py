"""Trained tensors in eight bits: int8 with one float32 scale a rank of low-rank factors, a row of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_SCALE = ".scale"


def pack(factors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The factors of `core.models.low_rank.state` as int8, each with the scales of its ranks under `.scale`.

    One rank's direction may be a thousand times as strong as another's; with a scale each (A's rows, B's
    columns), rounding costs every direction about 0.4% of its largest entry. Other tensors have
    a scale a row.
    """
    import torch

    tensors: dict[str, Tensor] = {}
    for name, factor in factors.items():
        scale = factor.float().abs().amax(dim=_other_axis(name), keepdim=True).clamp_min(1e-12) / 127
        tensors[name] = (factor.float() / scale).round().to(torch.int8).contiguous()
        tensors[name + _SCALE] = scale.contiguous()
    return tensors


def unpack(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The factors that `pack` was given, float32, rounded to eight bits.

    Raises:
        ValueError: factors without their scale.
    """
    names = [name for name in tensors if not name.endswith(_SCALE)]
    if lonely := [name for name in names if name + _SCALE not in tensors]:
        raise ValueError(f"the scale of {lonely[0]} is missing")
    return {name: tensors[name].float() * tensors[name + _SCALE] for name in names}


def _other_axis(name: str) -> int:
    """The axis that is not the rank: A is (rank, in), B (out, rank)."""
    return 0 if name.endswith("low_rank_b") else -1
