"""Scores between texts at any depth and width of an elastic encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import normalize

_NEVER = -1e4


@dataclass(frozen=True, slots=True)
class Scores:
    """Scaled cosines between every left and every right text.

    Attributes:
        left, right: pooled states after each layer, first to last: float32 of shapes (rows, width) and
            (columns, width). Where only `across` is asked for, `right` needs no more than the last ones.
        scale: what cosines are multiplied by.
        masked: bool of shape (rows, columns): pairs that no distribution gives any weight.
    """

    left: Sequence[Tensor]
    right: Sequence[Tensor]
    scale: float
    masked: Tensor

    @property
    def layers(self) -> int:
        """Of the whole model."""
        return len(self.left)

    @property
    def width(self) -> int:
        """Of the whole model."""
        return self.left[0].shape[1]

    def __call__(self, layers: int, dimensions: int) -> Tensor:
        """Scores after the first `layers` layers in the first `dimensions` dimensions: (rows, columns)."""
        left = normalize(self.left[layers - 1][:, :dimensions], dim=1)
        right = normalize(self.right[layers - 1][:, :dimensions], dim=1)
        return (left @ right.T * self.scale).masked_fill(self.masked, _NEVER)

    def across(self, layers: int, dimensions: int) -> Tensor:
        """Scores of left texts after the first `layers` layers and right ones of the whole depth."""
        return Scores([self.left[layers - 1]], self.right[-1:], self.scale, self.masked)(1, dimensions)

    def whole(self) -> Tensor:
        """Scores of the whole model."""
        return self.across(self.layers, self.width)
