"""Every row, for every token: what the other selectors are measured against."""

from __future__ import annotations

import torch

from skerry.generation.attention.state import RowRanges
from skerry.generation.selection.indifferent import Indifferent
from skerry.generation.selection.ranges import all_rows


class Full(Indifferent):
    """Chooses everything.

    Args:
        budget: not used.
    """

    def __init__(self, budget: int) -> None:
        pass

    def select(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> RowRanges | None:
        """All rows; on a GPU by the library's attention, which is fast there."""
        return None if keys.is_cuda else all_rows(keys)
