"""Sentences by their mean keys, as in SentenceKV (Zhu et al. 2025, arXiv:2504.00970)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from skerry.generation.attention.state import RowRanges
from skerry.generation.selection.layout import Layout
from skerry.generation.selection.sentence import LONGEST, RECENT, SINKS
from skerry.generation.selection.units import UnitSelector, summed_groups, unit_means


class SentenceKV(UnitSelector):
    """A sentence's vector, for each KV head, is the mean of its keys; the mean of the queries since the
    current sentence began meets it. The first token of a sentence reads everything.

    Unlike the paper, nothing is taken out of the cache, so that any later question finds everything.

    Args:
        budget: see `KeyValueSelector`.
    """

    def __init__(self, budget: int) -> None:
        super().__init__(budget, Layout(SINKS, RECENT, LONGEST))
        self._ends: list[Sequence[int]] = []
        self._told: NDArray[np.bool_] | None = None
        self._opens: NDArray[np.bool_] | None = None
        self._rows = 0
        self._sums: dict[int, torch.Tensor] = {}

    def begin(self, sentence_ends: Sequence[Sequence[int]]) -> None:
        """See `KeyValueSelector`."""
        self.layout.begin(sentence_ends)
        self._ends = list(sentence_ends)

    def advance(self, opens: Sequence[bool]) -> None:
        """See `KeyValueSelector`."""
        self._told = np.array(opens) if any(opens) else None

    def observe(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> None:
        """The queries of the prompt's last sentence count: the answer goes on from it."""
        batch, _, n, _ = queries.shape
        first = keys.shape[2] - n
        for number in range(batch):
            ends = self._ends[number] if self._ends else ()
            before = bisect_left(ends, keys.shape[2])
            begin = ends[before - 1] if before else 0
            new = queries[number : number + 1, :, max(0, begin - first) :]
            self._add(layer, new, keys.shape[1], batch, number, fresh=begin >= first)

    def probe(self, layer: int, queries: torch.Tensor, kv_heads: int) -> torch.Tensor:
        """The sum of the sentence's queries: its order of the units is the mean's."""
        batch = len(queries)
        if self._opens is not None or self._sums.get(layer) is None:
            for number in range(batch):
                fresh = self._opens is not None and bool(self._opens[number])
                self._add(layer, queries[number : number + 1], kv_heads, batch, number, fresh)
            return self._sums[layer]
        return self._sums[layer].add_(summed_groups(queries, kv_heads))

    def select(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> RowRanges:
        """See `RowSelector`."""
        if keys.shape[2] != self._rows:
            self._begin_token(keys.shape[2])
        return super().select(layer, queries, keys)

    def _begin_token(self, rows: int) -> None:
        self._rows, self._opens, self._told = rows, self._told, None
        if self._opens is not None:
            for number in np.flatnonzero(self._opens):
                self.layout.end(int(number), rows - 1)

    def reads_all(self, layer: int, batch: int) -> NDArray[np.bool_] | None:
        """Those that begin a sentence."""
        return self._opens

    def describe(self, keys: torch.Tensor, bounds: NDArray[np.int32]) -> torch.Tensor:
        """The mean key."""
        return unit_means(keys, bounds)

    def _add(
        self, layer: int, queries: torch.Tensor, kv_heads: int, batch: int, number: int, fresh: bool
    ) -> None:
        """Add queries of one sequence, (1, heads, n, head size), to its sum, or begin it anew with them."""
        sums = self._sums.get(layer)
        if sums is None:
            sums = self._sums[layer] = torch.zeros(
                (batch, kv_heads, 1, queries.shape[-1]), device=queries.device
            )
        if fresh:
            sums[number] = 0
        sums[number] += summed_groups(queries, kv_heads)[0].sum(1, keepdim=True)
