"""What the selectors of whole units (sentences, pages, blocks) share: the layout, the vectors, the choice."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from skerry.generation.attention.state import RowRanges
from skerry.generation.selection.indifferent import Indifferent
from skerry.generation.selection.layout import Layout
from skerry.generation.selection.ranges import all_rows, row_ranges


class UnitSelector(Indifferent, ABC):
    """Chooses whole units by the score of a vector each, in order of score, until the budget is used up.

    A method says what a unit's vector is (`describe`) and which query meets it (`probe`); a score is their
    product. Vectors are made once, when a unit is closed.

    Args:
        budget: most rows that a token reads, sinks and tail with them.
        layout: how rows become units.
    """

    def __init__(self, budget: int, layout: Layout) -> None:
        self.budget, self.layout = budget, layout
        self._vectors: dict[int, NDArray[np.float32]] = {}
        self._described: dict[int, list[int]] = {}

    def select(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> RowRanges:
        """Sinks, tail, and the best units; everything where the budget holds it."""
        probe = self.probe(layer, queries, keys.shape[1])
        batch, heads, rows, _ = keys.shape
        whole = self.reads_all(layer, batch)
        if rows <= self.budget or (whole is not None and whole.all()):
            return all_rows(keys)
        self.layout.grow(batch, rows)
        scores = self._scores(layer, probe, keys)
        marked = self._choose(scores, heads, self.share(layer, scores))
        if whole is not None:
            marked[whole.repeat(heads)] = True
        bounds = self.layout.bounds
        return row_ranges(marked, bounds if heads == 1 else bounds.repeat(heads, 0), keys.device)

    @abstractmethod
    def describe(self, keys: torch.Tensor, bounds: NDArray[np.int32]) -> torch.Tensor:
        """The vectors of units, float32 of shape (KV heads, units, width).

        Args:
            keys: of one sequence, (KV heads, rows, head size), all rows.
            bounds: (units + 1,): unit i is the rows [bounds[i], bounds[i + 1]).
        """

    @abstractmethod
    def probe(self, layer: int, queries: torch.Tensor, kv_heads: int) -> torch.Tensor:
        """What the vectors are multiplied with, float32 of shape (batch, KV heads, 1, width).

        Args:
            queries: (batch, heads, 1, head size), of the new token. Called for every token.
        """

    def reads_all(self, layer: int, batch: int) -> NDArray[np.bool_] | None:
        """The sequences whose token reads all rows in this layer, (batch,); None where there are none."""
        return None

    def share(self, layer: int, scores: NDArray[np.float32]) -> int:
        """The layer's part of the budget, in rows; `scores` of all units, (batch * KV heads, units)."""
        return self.budget

    def _scores(self, layer: int, probe: torch.Tensor, keys: torch.Tensor) -> NDArray[np.float32]:
        """The score of every unit, (batch * KV heads, units)."""
        vectors = self._up_to_date(layer, keys)
        # numpy's product of such small matrices takes a tenth of the time of torch's.
        products: NDArray[np.float32] = np.matmul(vectors, probe.cpu().numpy().reshape(len(vectors), -1, 1))
        return products[:, : self.layout.units, 0]

    def _up_to_date(self, layer: int, keys: torch.Tensor) -> NDArray[np.float32]:
        """The layer's vectors, (batch * KV heads, units and room for more, width), up to date."""
        batch, heads = keys.shape[:2]
        units, bounds = self.layout.units, self.layout.bounds
        described = self._described.setdefault(layer, [0] * batch)
        vectors = self._vectors.get(layer)
        for number, (done, count) in enumerate(zip(described, self.layout.counts, strict=True)):
            if done == count and vectors is not None:
                continue
            new = self.describe(keys[number], bounds[number, 1 + done : 2 + count]).cpu().numpy()
            if vectors is None or vectors.shape[1] < units:
                room = np.zeros((batch * heads, units + units // 8 + 16, new.shape[-1]), dtype=np.float32)
                if vectors is not None:
                    room[:, : vectors.shape[1]] = vectors
                vectors = self._vectors[layer] = room
            vectors[number * heads : (number + 1) * heads, done:count] = new
            described[number] = count
        assert vectors is not None
        return vectors

    def _choose(self, scores: NDArray[np.float32], heads: int, budget: int) -> NDArray[np.bool_]:
        """The pieces that are read, (batch * heads, units + 2): units in order of score while they fit."""
        bounds, lengths = self.layout.bounds, self.layout.lengths
        room = budget - self.layout.sinks - (bounds[:, -1] - bounds[:, -2])
        if heads > 1:
            lengths, room = lengths.repeat(heads, 0), room.repeat(heads)
        return with_ends(UnitOrder.of(scores, lengths).best(room))


@dataclass(frozen=True, slots=True, eq=False)
class UnitOrder:
    """The units of each head in order of score.

    Attributes:
        places: int64 (heads, units): where they stand in a flattened array of (heads, units).
        rows: int64 (heads, units): rows of a unit and of all better ones.
    """

    places: NDArray[np.int64]
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, scores: NDArray[np.float32], lengths: NDArray[np.int32]) -> UnitOrder:
        """By scores; both are of shape (heads, units)."""
        heads, units = scores.shape
        # Places in the flattened array: numpy's functions along an axis would work them out in Python.
        places = np.argsort(-scores, axis=1) + np.arange(heads)[:, None] * units
        return cls(places, np.cumsum(lengths.ravel()[places], axis=1))

    def best(self, room: NDArray[np.int32]) -> NDArray[np.bool_]:
        """The best units, in order while they fit into the room of their head, (heads,): (heads, units)."""
        marked = np.empty(self.places.shape, dtype=bool)
        marked.ravel()[self.places] = self.rows <= room[:, None]
        return marked


def with_ends(units: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The chosen units between what is always read, (heads, units + 2)."""
    marked = np.ones((len(units), units.shape[1] + 2), dtype=bool)
    marked[:, 1:-1] = units
    return marked


def summed_groups(queries: torch.Tensor, kv_heads: int) -> torch.Tensor:
    """The queries that share a KV head, added up: float32 of shape (batch, KV heads, n, head size).

    The sum's product with a key is the sum of their products.

    Args:
        queries: (batch, heads, n, head size).
    """
    batch, heads, n, size = queries.shape
    grouped = queries.reshape(batch, kv_heads, heads // kv_heads, n, size)
    return grouped.sum(2, dtype=torch.float32)


def unit_means(keys: torch.Tensor, bounds: NDArray[np.int32]) -> torch.Tensor:
    """The mean key of every unit, float32; shapes as in `UnitSelector.describe`."""
    lengths = torch.from_numpy(np.diff(bounds).astype(np.int64))
    lengths = lengths.to(keys.device)
    units = torch.repeat_interleave(torch.arange(len(lengths), device=keys.device), lengths)
    sums = torch.zeros((keys.shape[0], len(lengths), keys.shape[2]), device=keys.device)
    sums.index_add_(1, units, keys[:, int(bounds[0]) : int(bounds[-1])].float())
    return sums / lengths[:, None]
