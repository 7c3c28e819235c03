"""The small title model: probabilities over the tokens that the tree allows, and over nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from skerry.core.errors import InvalidInput
from skerry.retrieval.corpusbrain.model.base import Tokens
from skerry.retrieval.corpusbrain.model.network import KeysValues, TitleNetwork
from skerry.retrieval.corpusbrain.model.tokenizer import TitleTokenizer

_NARROW = 64
"""Up to so many allowed tokens a row, rows share one product over gathered vectors, padded to the widest."""


@dataclass(frozen=True, slots=True)
class SmallMemory:
    """What the decoder looks at of each query.

    Attributes:
        layers: each decoder layer's keys and values, (queries, heads, 1 + L, head width).
        mask: bool (queries, 1 + L).
        vectors: the queries' own, unit vectors, float32 (queries, width).
    """

    layers: list[KeysValues]
    mask: Tensor
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SmallState:
    """Hypotheses, a row each.

    Attributes:
        hidden: the decoder's states after the last tokens, (rows, width).
        past: keys and values of all tokens, (rows, heads, tokens, head width), of each layer.
        memory: of all queries.
        queries: int64 (rows,).
        seen, mask: the rows' share of the memory.
    """

    hidden: Tensor
    past: list[KeysValues]
    memory: SmallMemory
    queries: NDArray[np.int64]
    seen: list[KeysValues]
    mask: Tensor


class SmallTitleModel:
    """See `TitleModel`. Safe to call from several threads.

    Args:
        network: its weights; set to inference here.
        tokenizer: of the network's encoder.
    """

    normalises = True

    def __init__(self, network: TitleNetwork, tokenizer: TitleTokenizer) -> None:
        self._network = network.eval()
        self._tokenizer = tokenizer
        self.end, self.stop = tokenizer.end, tokenizer.stop
        self.room = network.shape.positions

    def encode_titles(self, titles: Sequence[str]) -> list[list[int]]:
        """See `TitleModel.encode_titles`."""
        return self._tokenizer.encode_titles(titles)

    @torch.inference_mode()
    def read(self, queries: Sequence[str]) -> SmallMemory:
        """See `TitleModel.read`."""
        if not all(queries) or not queries:
            raise InvalidInput("A query is empty, or there is none.", hint="Ask something.")
        ids, mask = (torch.from_numpy(array) for array in self._tokenizer.encode_queries(queries))
        states = self._network.read(ids, mask)
        vectors = functional.normalize(states[:, 0], dim=1).numpy()
        seen = torch.cat([mask.new_ones(len(mask), 1), mask], 1)
        return SmallMemory(self._network.memory(states), seen, vectors)

    @torch.inference_mode()
    def begin(self, memory: SmallMemory, queries: NDArray[np.int64]) -> SmallState:
        """See `TitleModel.begin`."""
        starts = np.full(len(queries), self._tokenizer.start, np.int64)
        return self._decoded(memory, queries, *_of_rows(memory, queries), starts, None)

    @torch.inference_mode()
    def advance(self, state: SmallState, rows: NDArray[np.int64], tokens: NDArray[np.int64]) -> SmallState:
        """See `TitleModel.advance`."""
        queries = state.queries[rows]
        same = np.array_equal(queries, state.queries)
        seen, mask = (state.seen, state.mask) if same else _of_rows(state.memory, queries)
        return self._decoded(state.memory, queries, seen, mask, tokens, _chosen(state.past, rows))

    @torch.inference_mode()
    def log_probs(self, state: SmallState, allowed: Sequence[Tokens]) -> list[NDArray[np.float32]]:
        """See `TitleModel.log_probs`. Rows with one and the same long array share one product."""
        log_probs = [np.zeros(1, np.float32)] * len(allowed)
        narrow: list[int] = []
        wide: dict[int, list[int]] = {}
        for row, tokens in enumerate(allowed):
            if len(tokens) > _NARROW:
                wide.setdefault(id(tokens), []).append(row)
            elif len(tokens) > 1:
                narrow.append(row)
        for rows in wide.values():
            candidates = torch.from_numpy(allowed[rows[0]].astype(np.int64))
            logits = self._network.scores_of_all(state.hidden[rows], candidates)
            for row, values in zip(rows, torch.log_softmax(logits, -1).numpy(), strict=True):
                log_probs[row] = values
        if narrow:
            sizes = np.array([len(allowed[row]) for row in narrow])
            real = np.arange(sizes.max()) < sizes[:, None]
            padded = np.zeros(real.shape, np.int64)
            padded[real] = np.concatenate([allowed[row] for row in narrow])
            logits = self._network.scores(state.hidden[narrow], torch.from_numpy(padded))
            logits.masked_fill_(torch.from_numpy(~real), -torch.inf)
            for row, size, values in zip(
                narrow, sizes.tolist(), torch.log_softmax(logits, -1).numpy(), strict=True
            ):
                log_probs[row] = values[:size]
        return log_probs

    def _decoded(
        self,
        memory: SmallMemory,
        queries: NDArray[np.int64],
        seen: list[KeysValues],
        mask: Tensor,
        tokens: NDArray[np.int64],
        past: list[KeysValues] | None,
    ) -> SmallState:
        ids = torch.from_numpy(np.ascontiguousarray(tokens, np.int64))[:, None]
        hidden, kept = self._network.decode(ids, seen, mask, past)
        return SmallState(hidden[:, -1], kept, memory, queries, seen, mask)


def _of_rows(memory: SmallMemory, rows: NDArray[np.int64]) -> tuple[list[KeysValues], Tensor]:
    return _chosen(memory.layers, rows), memory.mask[torch.from_numpy(rows)]


def _chosen(layers: list[KeysValues], rows: NDArray[np.int64]) -> list[KeysValues]:
    chosen = torch.from_numpy(np.ascontiguousarray(rows, np.int64))
    return [(keys.index_select(0, chosen), values.index_select(0, chosen)) for keys, values in layers]
