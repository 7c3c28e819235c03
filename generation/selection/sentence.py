"""Whole sentences, by the attention that the token itself gives them.

The frame is SentenceKV's (Zhu et al. 2025, arXiv:2504.00970): sentences are chosen whole, for each KV head,
in order until the budget is used up; first and last rows always; a sentence's first token reads everything.
What orders them is not the paper's product of mean keys and mean queries (`sentencekv.py`), which loses the
single keys that answers hang on, nor what an earlier token looked at, which the next one may not: it is the
token's own attention, exactly. For that the keys are read, which the kernel does in half the time of
attending, and the values of the chosen sentences alone. Nothing is taken out of the cache.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from skerry.generation.attention.state import RowRanges
from skerry.generation.selection.attribution import Attributed, SentenceWeight
from skerry.generation.selection.indifferent import Indifferent
from skerry.generation.selection.layout import Layout
from skerry.generation.selection.ranges import all_rows, row_ranges
from skerry.generation.selection.units import UnitOrder, with_ends
from skerry.kernels.attention import piece_shares

SINKS, RECENT, LONGEST = 32, 32, 64
"""Rows: the first and the last ones are always read; a longer sentence is cut into pieces."""


class Sentence(Indifferent):
    """The first token after a prompt and the first of each sentence of the answer read everything; every
    other one the sentences whose rows get most of its attention.

    A sentence's worth is the token's softmax over all rows, summed over its rows and over the queries that
    share the KV head, a row. The heads of a layer share one budget, so that one that looks at little leaves
    its part to one that looks at much (as in Ada-KV, Feng et al. 2024, arXiv:2407.11550).

    Args:
        budget: see `KeyValueSelector`; the mean over a layer's heads, for tokens that do not read all.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._layout = Layout(SINKS, RECENT, LONGEST)
        self._opens: Sequence[bool] = ()
        self._first = True
        self._rows = 0
        self._reads_all = np.zeros(0, dtype=bool)
        self._bounds = torch.zeros((0, 0), dtype=torch.int32)
        self._weights = Attributed()

    def begin(self, sentence_ends: Sequence[Sequence[int]]) -> None:
        """See `KeyValueSelector`."""
        self._layout.begin(sentence_ends)
        self._first = True

    def advance(self, opens: Sequence[bool]) -> None:
        """See `KeyValueSelector`."""
        self._opens = opens

    def select(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> RowRanges:
        """See `RowSelector`."""
        batch, heads, rows, size = keys.shape
        if rows != self._rows:
            self._begin_token(batch, rows)
        if rows <= self._budget:
            return all_rows(keys)
        shares = piece_shares(queries[:, :, 0], keys, self._bounds.to(keys.device), size**-0.5)
        units = shares[..., 1:-1].cpu().numpy()
        bounds = self._layout.bounds
        self._weights.add(bounds[0, 1:-1], units[0].sum(0, dtype=np.float64))
        if self._reads_all.all():
            return all_rows(keys)
        marked = self._choose(units)
        marked[self._reads_all.repeat(heads)] = True
        return row_ranges(marked, bounds.repeat(heads, 0), keys.device)

    def attribution(self) -> tuple[SentenceWeight, ...]:
        """The sentences that the tokens looked at, most attention first; of the batch's first sequence."""
        return self._weights.sentences()

    def _begin_token(self, batch: int, rows: int) -> None:
        opens = np.zeros(batch, dtype=bool)
        opens[: len(self._opens)] = self._opens
        for number in np.flatnonzero(opens):
            self._layout.end(int(number), rows - 1)
        self._layout.grow(batch, rows)
        self._bounds = torch.from_numpy(self._layout.bounds)
        self._reads_all = opens | self._first
        self._first, self._opens, self._rows = False, (), rows

    def _choose(self, units: NDArray[np.float32]) -> NDArray[np.bool_]:
        """The pieces that are read, (batch * heads, units + 2).

        Args:
            units: what each gets, (batch, heads, units).
        """
        batch, heads, count = units.shape
        bounds, lengths = self._layout.bounds, self._layout.lengths[:, None]
        worth: NDArray[np.float32] = np.divide(units, np.maximum(lengths, 1), dtype=np.float32)
        order = UnitOrder.of(
            worth.reshape(batch, -1), np.broadcast_to(lengths, units.shape).reshape(batch, -1)
        )
        room = (self._budget - SINKS - (bounds[:, -1] - bounds[:, -2])) * heads
        return with_ends(order.best(room).reshape(batch * heads, count))
