"""Whole sentences, by the attention that they got when everything was read last.

The frame is SentenceKV's (Zhu et al. 2025, arXiv:2504.00970): sentences are chosen whole, for each KV head,
in order until the budget is used up; first and last rows always; a sentence's first token reads everything.
What orders them is not the paper's product of mean keys and mean queries (`sentencekv.py`), which loses the
single keys that answers hang on, but what a full reading shows: the attention that each sentence gets from
that token and from the end of the prompt (as in SnapKV, Li et al. 2024, arXiv:2404.14469). Nothing is taken
out of the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from skerry.generation.attention.state import RowRanges
from skerry.generation.selection.attribution import Attributed, SentenceWeight
from skerry.generation.selection.layout import Layout
from skerry.generation.selection.ranges import all_rows, row_ranges
from skerry.generation.selection.units import UnitOrder, with_ends

SINKS, RECENT, LONGEST = 32, 32, 64
"""Rows: the first and the last ones are always read; a longer sentence is cut into pieces."""
EVERY = 16
"""Tokens after which a long sentence of the answer reads everything once more."""
AGAIN = 4
"""Tokens after which a layer chooses again among the sentences: the tail has grown by as much."""
OBSERVED, STEP = 16, 2
"""The prompt's last queries: every second of so many is asked."""


@dataclass(slots=True)
class _Layer:
    """What one layer remembers.

    Attributes:
        asked: the prompt's last queries, (batch, heads, n, head size).
        from_prompt: attention that they give to each row, float32 (batch * KV heads, rows at that time).
        attention: that the units got in the last full reading, float32 (batch * KV heads, units).
        chosen: what is read until the next choice.
        ends: where in `chosen.ranges` the tails stand.
    """

    asked: torch.Tensor | None = None
    from_prompt: NDArray[np.float32] | None = None
    attention: NDArray[np.float32] | None = None
    chosen: RowRanges | None = None
    ends: torch.Tensor | None = None


class Sentence:
    """The first token after a prompt, the first of each sentence of the answer and each 16th within one read
    everything; in between, a layer reads the sentences with most attention in the last full reading.

    A sentence's attention is the sum over its rows, and over the queries that share the KV head, of the
    token's softmax and the mean softmax of the prompt's last queries. All layers' heads share one budget,
    in order of attention by the root of a sentence's rows: a head that looks at little leaves its part to one
    that looks at much (as in Ada-KV, Feng et al. 2024, arXiv:2407.11550).

    Args:
        budget: see `KeyValueSelector`; the mean over layers and heads, for tokens that do not read all.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._layout = Layout(SINKS, RECENT, LONGEST)
        self._layers: dict[int, _Layer] = {}
        self._opens: Sequence[bool] = ()
        self._since = 0
        self._rows = 0
        self._whole = self._reads_all = True
        self._bounds = self._layout.bounds
        self._device = torch.device("cpu")
        self._order: UnitOrder | None = None
        self._chosen_at = -1
        self._weights = Attributed()

    def begin(self, sentence_ends: Sequence[Sequence[int]]) -> None:
        """See `KeyValueSelector`."""
        self._layout.begin(sentence_ends)
        self._layers.clear()
        self._whole = True

    def advance(self, opens: Sequence[bool]) -> None:
        """See `KeyValueSelector`."""
        self._opens = opens

    def observe(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> None:
        """The last queries of a prompt are kept; they are asked at the first full reading."""
        self._layers[layer] = _Layer(asked=queries[:, :, -OBSERVED:][:, :, ::STEP].clone())
        self._whole = True

    def select(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> RowRanges:
        """See `RowSelector`."""
        rows, self._device = keys.shape[2], keys.device
        if rows != self._rows:
            self._begin_token(rows, len(keys))
        if rows <= self._budget:
            return all_rows(keys)
        of_layer = self._layers.setdefault(layer, _Layer())
        if self._reads_all or of_layer.attention is None:
            self._look(of_layer, queries, keys)
            return all_rows(keys)
        if self._chosen_at < 0 or rows - self._chosen_at >= AGAIN:
            self._choose(rows)
        assert of_layer.chosen is not None
        of_layer.chosen.ranges[of_layer.ends, 1] = rows
        return of_layer.chosen

    def attribution(self) -> tuple[SentenceWeight, ...]:
        """The sentences that full readings looked at, most attention first; of the batch's first sequence."""
        return self._weights.sentences()

    def _begin_token(self, rows: int, batch: int) -> None:
        for number, new in enumerate(self._opens):
            if new:
                self._layout.end(number, rows - 1)
        self._reads_all = self._whole or any(self._opens) or self._since >= EVERY
        self._since = 1 if self._reads_all else self._since + 1
        self._whole, self._opens, self._rows = False, (), rows
        if self._reads_all and rows > self._budget:
            self._layout.grow(batch, rows)

    def _look(self, of_layer: _Layer, queries: torch.Tensor, keys: torch.Tensor) -> None:
        """Note what every unit gets from a token that reads everything."""
        batch, heads, rows, _ = keys.shape
        self._layout.grow(batch, rows)
        attention = _attention(queries, keys)
        if of_layer.from_prompt is None and of_layer.asked is not None:
            of_layer.from_prompt = _attention(of_layer.asked, keys[:, :, : rows - 1])
            of_layer.asked = None
        if of_layer.from_prompt is not None:
            attention[:, : of_layer.from_prompt.shape[1]] += of_layer.from_prompt
        bounds = self._layout.bounds.repeat(heads, 0)
        sums = np.zeros((batch * heads, rows + 1))
        np.cumsum(attention, axis=1, out=sums[:, 1:])
        pieces = np.diff(np.take_along_axis(sums, bounds.astype(np.int64), 1), axis=1)
        self._weights.add(bounds[0, 1:-1], pieces[:heads, 1:-1].sum(0))
        of_layer.attention = pieces[:, 1:-1].astype(np.float32)
        self._bounds, self._order, self._chosen_at = self._layout.bounds, None, -1

    def _choose(self, rows: int) -> None:
        """The best units of all layers and heads that fit beside tails that grow until the next choice."""
        layers = [one for one in self._layers.values() if one.attention is not None]
        given = [one.attention for one in layers if one.attention is not None]
        bounds, batch = self._bounds, len(self._bounds)
        count, (heads, units) = len(given), given[0].shape
        if self._order is None:
            attention = np.stack(given).reshape(count, batch, heads // batch, units)
            lengths = np.diff(bounds[:, 1:-1])[None, :, None]
            roots = np.sqrt(np.maximum(lengths, 1)).astype(np.float32)
            worth = np.divide(attention, roots).astype(np.float32).swapaxes(0, 1)
            lengths = np.broadcast_to(lengths.swapaxes(0, 1), worth.shape)
            self._order = UnitOrder.of(worth.reshape(batch, -1), lengths.reshape(batch, -1))
        room = (self._budget - SINKS - (rows + AGAIN - 1 - bounds[:, -2])) * (count * heads // batch)
        best = self._order.best(room).reshape(batch, count, heads // batch, units).swapaxes(0, 1)
        marked = with_ends(best.reshape(count * heads, units))
        ranges = row_ranges(marked, np.tile(bounds.repeat(heads // batch, 0), (count, 1)), self._device)
        for number, layer in enumerate(layers):
            starts = ranges.starts[number * heads : (number + 1) * heads + 1]
            layer.chosen = RowRanges(starts - starts[0], ranges.ranges[int(starts[0]) : int(starts[-1])])
            layer.ends = layer.chosen.starts[1:].long() - 1
        self._chosen_at = rows


def _attention(queries: torch.Tensor, keys: torch.Tensor) -> NDArray[np.float32]:
    """The attention that rows get, (batch * KV heads, rows): the sum over a group's heads, the mean over n.

    Args:
        queries: (batch, heads, n, head size).
        keys: (batch, KV heads, rows, head size).
    """
    batch, heads, n, size = queries.shape
    kv_heads = keys.shape[1]
    grouped = queries.reshape(batch * kv_heads, heads // kv_heads * n, size)
    # Tall products of single heads, in the type of the keys: together torch takes four times as long.
    products = [torch.mm(one, asked.T).T for one, asked in zip(keys.flatten(0, 1), grouped, strict=True)]
    scores = torch.stack(products).float().mul_(size**-0.5)
    given: NDArray[np.float32] = torch.softmax(scores, dim=-1).sum(1).div_(n).cpu().numpy()
    return given
