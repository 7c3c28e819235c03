"""The rows that mattered when everything was read last (Recycled Attention, Xu et al., arXiv:2411.05787)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from skerry.generation.attention.state import RowRanges
from skerry.generation.selection.indifferent import Indifferent
from skerry.generation.selection.ranges import all_rows, row_ranges

SINKS, RECENT = 32, 32
EVERY = 32
"""Tokens from one reading of everything to the next."""
LEAST_COSINE = 0.5
"""Of a query with that of the last full reading: below it, everything is read again."""


@dataclass(slots=True)
class _Kept:
    """What one layer knows from its last full reading.

    Attributes:
        age: tokens since then.
        query: (batch, heads, head size), float32.
        marked: bool (batch * KV heads, rows at that time): the rows to read; the last ones are among them.
    """

    age: int
    query: torch.Tensor
    marked: NDArray[np.bool_]


class Recycled(Indifferent):
    """A layer reads everything every 32 tokens and remembers, for each KV head, the rows with most attention;
    in between it reads those and what came after. It reads everything earlier when the query drifts: when its
    cosine with that of the last full reading falls below .5, on average over the heads.

    Args:
        budget: see `KeyValueSelector`.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._kept: dict[int, _Kept] = {}

    def observe(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> None:
        """What a prompt read last is remembered, as if it were a token of the answer."""
        self._kept.pop(layer, None)
        if keys.shape[2] > self._budget:
            self._kept[layer] = self._remember(queries[:, :, -1:], keys)

    def select(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> RowRanges:
        """See `RowSelector`."""
        batch, heads, rows, _ = keys.shape
        if rows <= self._budget:
            return all_rows(keys)
        kept = self._kept.get(layer)
        if kept is None or kept.age >= EVERY or _drift(queries, kept.query):
            self._kept[layer] = self._remember(queries, keys)
            return all_rows(keys)
        kept.age += 1
        known = kept.marked.shape[1]
        # The last remembered row is always read: what came after it joins its range.
        bounds = np.arange(known + 1, dtype=np.int32)
        bounds[-1] = rows
        return row_ranges(kept.marked, np.broadcast_to(bounds, (batch * heads, known + 1)), keys.device)

    def _remember(self, queries: torch.Tensor, keys: torch.Tensor) -> _Kept:
        batch, heads, rows, size = keys.shape
        grouped = queries.view(batch, heads, -1, size)
        # In the type of the keys: a float32 copy of them all would cost more than the scores.
        scores = torch.matmul(grouped, keys.transpose(2, 3)).float() * size**-0.5
        mass = torch.softmax(scores, dim=-1).sum(2).view(batch * heads, rows)
        mass[:, :SINKS] = mass[:, -RECENT:] = torch.inf
        best = mass.topk(min(rows, max(self._budget - EVERY, SINKS + RECENT)), dim=1).indices
        marked = torch.zeros((batch * heads, rows), dtype=torch.bool, device=keys.device)
        marked.scatter_(1, best, True)
        return _Kept(0, queries[:, :, 0].float(), marked.cpu().numpy())


def _drift(queries: torch.Tensor, before: torch.Tensor) -> bool:
    return bool(torch.cosine_similarity(queries[:, :, 0].float(), before, dim=-1).mean() < LEAST_COSINE)
