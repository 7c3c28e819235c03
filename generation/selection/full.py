"""Every row, for every token: what the other selectors are measured against."""

from __future__ import annotations

import torch

from skerry.generation.selection.indifferent import Indifferent


class Full(Indifferent):
    """Chooses nothing: attention is the model's own, to the bit.

    Args:
        budget: not used.
    """

    def __init__(self, budget: int) -> None:
        pass

    def select(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> None:
        """All rows."""
