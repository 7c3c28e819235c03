"""Convolution over words: a vector for the n-gram that starts at each word."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class NGrams(nn.Module):
    """One-dimensional convolution with rectification; beyond a text's end stand zeros.

    Args:
        width: of the words' vectors.
        filters: width of the n-grams'.
        size: words an n-gram.
    """

    def __init__(self, width: int, filters: int, size: int) -> None:
        super().__init__()
        self._after = size - 1
        self.convolution = nn.Conv1d(width, filters, size)

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """(n, L, width) to (n, L, filters), zeros at padding; bool mask (n, L)."""
        kept = mask.unsqueeze(2)
        padded = functional.pad((vectors * kept).transpose(1, 2), (0, self._after))
        return torch.relu(self.convolution(padded)).transpose(1, 2) * kept
