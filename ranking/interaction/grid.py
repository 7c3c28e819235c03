"""Convolution over a matrix of similarities."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class Grid(nn.Module):
    """Two-dimensional convolution that keeps the size; beyond the texts' ends stand zeros.

    Args:
        channels, filters: how many matrices in and out.
        size: of the square that a filter sees.
        centred: the square lies around a pair of words; otherwise the pair is its first corner.
    """

    def __init__(self, channels: int, filters: int, size: int, *, centred: bool = True) -> None:
        super().__init__()
        before = (size - 1) // 2 if centred else 0
        after = size - 1 - before
        self._around = (before, after, before, after)
        self.convolution = nn.Conv2d(channels, filters, size)

    def forward(self, matrices: Tensor, mask: Tensor) -> Tensor:
        """(n, channels, Q, D) to (n, filters, Q, D), both zero outside the bool mask (n, Q, D)."""
        kept = mask.unsqueeze(1)
        return self.bare(matrices * kept) * kept

    def bare(self, matrices: Tensor) -> Tensor:
        """The same of matrices that are zero at padding already; what comes out may have anything there."""
        convolved: Tensor = self.convolution(functional.pad(matrices, self._around))
        return convolved
