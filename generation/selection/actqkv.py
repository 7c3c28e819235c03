"""Blocks, by a probe query in which unusual tokens weigh more (ActQKV: Xiao et al., arXiv:2502.13542)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from skerry.generation.selection.layout import Layout
from skerry.generation.selection.units import UnitSelector, summed_groups, unit_means

BLOCK = 32
SINKS, RECENT = 64, 512
"""Rows that the paper always reads; of a smaller budget they take an eighth and a half."""
WINDOW = 32
"""Queries that make up the probe."""
_TINY = 1e-6
"""Keeps queries that are all alike from weighing nothing."""
_LEAST, _MOST = 0.5, 2.0
"""Of the budget: what one layer may have."""


class ActQKV(UnitSelector):
    """A block's vector is the mean of its keys. The probe is the mean of the last 32 queries, each weighted
    by its activation bias: the mean over the channels of (q - mu)^2 / (var + mean(var) / 100), where mu and
    var are the running mean and variance of the layer's queries. Layers share the budget by the entropy of
    their blocks' scores: those that look everywhere get more.

    Args:
        budget: see `KeyValueSelector`; the mean over the layers.
    """

    def __init__(self, budget: int) -> None:
        sinks, recent = (
            _whole_blocks(most, share) for most, share in ((SINKS, budget // 8), (RECENT, budget // 2))
        )
        super().__init__(budget, Layout(sinks, recent, BLOCK))
        self._stats: dict[int, _Running] = {}
        self._entropies: dict[int, float] = {}

    def observe(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> None:
        """The prompt's queries count in the mean and the variance, and the last ones in the probe."""
        self._running(layer).add(summed_groups(queries, keys.shape[1]))

    def probe(self, layer: int, queries: torch.Tensor, kv_heads: int) -> torch.Tensor:
        """See the class."""
        running = self._running(layer)
        running.add(summed_groups(queries, kv_heads))
        # In the scale of attention's scores, which the entropy depends on.
        scale: float = kv_heads / queries.shape[1] * queries.shape[-1] ** -0.5
        return running.probe() * scale

    def describe(self, keys: torch.Tensor, bounds: NDArray[np.int32]) -> torch.Tensor:
        """The mean key."""
        return unit_means(keys, bounds)

    def share(self, layer: int, scores: NDArray[np.float32]) -> int:
        """The layer's part of the budget, by the entropy of its scores beside the mean of all layers."""
        if scores.shape[1] < 2:
            return self.budget
        weights = np.exp(scores - scores.max(1, keepdims=True))
        weights /= weights.sum(1, keepdims=True)
        mine = float(-(weights * np.log(weights + 1e-12)).sum(1).mean())
        self._entropies[layer] = mine
        mean = sum(self._entropies.values()) / len(self._entropies)
        return int(self.budget * min(_MOST, max(_LEAST, mine / mean))) if mean > 0 else self.budget

    def _running(self, layer: int) -> _Running:
        if layer not in self._stats:
            self._stats[layer] = _Running()
        return self._stats[layer]


def _whole_blocks(most: int, share: int) -> int:
    return max(BLOCK, min(most, share) // BLOCK * BLOCK)


class _Running:
    """Mean, variance and the last queries of one layer, (batch, KV heads, n, head size) each."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: torch.Tensor | None = None
        self.squares: torch.Tensor | None = None
        self.window: torch.Tensor | None = None

    def add(self, queries: torch.Tensor) -> None:
        """Take queries in, (batch, KV heads, n, head size)."""
        n = queries.shape[2]
        if self.mean is None or self.squares is None or self.window is None:
            self.mean = torch.zeros_like(queries[:, :, :1])
            self.squares = torch.zeros_like(self.mean)
            self.window = queries[:, :, :0]
        self.count += n
        self.mean += (queries.sum(2, keepdim=True) - n * self.mean) / self.count
        self.squares += ((queries**2).sum(2, keepdim=True) - n * self.squares) / self.count
        self.window = torch.cat([self.window, queries], dim=2)[:, :, -WINDOW:]

    def probe(self) -> torch.Tensor:
        """The weighted mean, (batch, KV heads, 1, head size)."""
        assert self.mean is not None and self.squares is not None and self.window is not None
        variance = (self.squares - self.mean**2).clamp(min=0)
        bias = (self.window - self.mean) ** 2 / (variance + variance.mean(-1, keepdim=True) / 100 + _TINY)
        weights = bias.mean(-1, keepdim=True) + _TINY
        return (weights * self.window).sum(2, keepdim=True) / weights.sum(2, keepdim=True)
