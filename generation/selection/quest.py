"""Pages, by the most that a key of theirs can give (Quest: Tang et al. 2024, arXiv:2406.10774)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from skerry.generation.selection.layout import Layout
from skerry.generation.selection.units import UnitSelector, summed_groups

PAGE = 32
DENSE_LAYERS = 2
"""The first layers read everything: few of their heads look at few rows."""


class Quest(UnitSelector):
    """A page's score is the sum over channels of max(q * least key, q * greatest key), which no key of the
    page exceeds; q is the sum of the new token's queries that share the KV head.

    Args:
        budget: see `KeyValueSelector`.
    """

    def __init__(self, budget: int) -> None:
        super().__init__(budget, Layout(sinks=PAGE, recent=PAGE, longest=PAGE))

    def reads_all(self, layer: int, batch: int) -> NDArray[np.bool_] | None:
        """The first two layers."""
        return np.ones(batch, dtype=bool) if layer < DENSE_LAYERS else None

    def describe(self, keys: torch.Tensor, bounds: NDArray[np.int32]) -> torch.Tensor:
        """The greatest and the least of every channel, side by side."""
        heads, _, size = keys.shape
        pages = keys[:, int(bounds[0]) : int(bounds[-1])].view(heads, -1, PAGE, size)
        return torch.cat([pages.amax(2), pages.amin(2)], dim=-1).float()

    def probe(self, layer: int, queries: torch.Tensor, kv_heads: int) -> torch.Tensor:
        """The query's positive part meets the greatest, its negative part the least."""
        query = summed_groups(queries, kv_heads)
        return torch.cat([query.clamp(min=0), query.clamp(max=0)], dim=-1)
