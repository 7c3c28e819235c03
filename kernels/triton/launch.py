"""How large a kernel's tiles are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
from torch import Tensor

__all__ = ["Launch", "launch_of"]


@dataclass(frozen=True, slots=True)
class Launch:
    """Of a kernel over heads of so many numbers; tiles fit into the 99 KB that small cards give to a program.

    Attributes:
        lanes: the power of two, 16 or more, that a head's numbers are held in.
        rows: queries of a program, at most.
        tile: keys that are read together.
        stages: tiles that are on their way at once.
        precision: of products: of float32 numbers, three of the tensor cores' make one nearly as exact.
    """

    lanes: int
    rows: int
    tile: int
    stages: int
    precision: str

    def warps(self, rows: int) -> int:
        """Of a program with so many queries."""
        return 8 if rows * self.lanes > 64 * 128 else 4


def launch_of(q: Tensor) -> Launch:
    """For queries of this type and size."""
    lanes = max(16, int(triton.next_power_of_2(q.shape[-1])))
    if q.dtype == torch.float32:
        rows, tile, stages = (64, 32, 2) if lanes <= 64 else (64, 32, 1) if lanes == 128 else (32, 16, 1)
        return Launch(lanes, rows, tile, stages, "tf32x3")
    rows, tile, stages = (128, 64, 3) if lanes <= 64 else (128, 64, 2) if lanes == 128 else (64, 32, 2)
    return Launch(lanes, rows, tile, stages, "tf32")
