"""A title model beside a memory: at every fork of the first title, what both say of each way on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.corpusbrain.memory.page_memory import PageMemory
from skerry.retrieval.corpusbrain.model.base import Memory, State, Tokens
from skerry.retrieval.corpusbrain.model.small import SmallTitleModel
from skerry.retrieval.corpusbrain.title_tree import TitleTree


@dataclass(frozen=True, slots=True, eq=False)
class Recalled:
    """What was read of some queries.

    Attributes:
        read: by the title model.
        pages: log-probabilities of all pages in the order of their titles, float64 (queries, pages).
    """

    read: Memory
    pages: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RecallingState:
    """Hypotheses, a row each.

    Attributes:
        written: the title model's.
        recalled: of all queries.
        queries: int64 (rows,).
        nodes: where each stands in the tree, -1 behind its first title; int64 (rows,).
    """

    written: State
    recalled: Recalled
    queries: NDArray[np.int64]
    nodes: NDArray[np.int64]


class RecallingTitleModel:
    """See `TitleModel`. Of a sequence's first title, `share` of each probability is the memory's.

    The memory's probability of a token is that of the pages below the child that it leads to, by that of the
    pages below the node. Behind the first title it has nothing to add, and the title model writes alone.

    Args:
        model: writes titles.
        memory: of the pages whose titles are in the tree.
        tree: which the hypotheses walk along.
        share: 0 to 1.
    """

    normalises = True

    def __init__(self, model: SmallTitleModel, memory: PageMemory, tree: TitleTree, share: float) -> None:
        self._model, self._memory, self._tree = model, memory, tree
        self._ranges = tree.ranges()
        self._log_shares = _log_shares(share)
        self.end, self.stop, self.room = model.end, model.stop, model.room

    def sharing(self, share: float) -> RecallingTitleModel:
        """The same with another share."""
        other = copy(self)
        other._log_shares = _log_shares(share)
        return other

    def encode_titles(self, titles: Sequence[str]) -> list[list[int]]:
        """See `TitleModel.encode_titles`."""
        return self._model.encode_titles(titles)

    def read(self, queries: Sequence[str]) -> Recalled:
        """See `TitleModel.read`."""
        read = self._model.read(queries)
        return Recalled(read, self._memory.log_probs(read.vectors)[:, self._ranges.order])

    def begin(self, memory: Recalled, queries: NDArray[np.int64]) -> RecallingState:
        """See `TitleModel.begin`."""
        nodes = np.full(len(queries), self._tree.root)
        return RecallingState(self._model.begin(memory.read, queries), memory, queries, nodes)

    def advance(
        self, state: RecallingState, rows: NDArray[np.int64], tokens: NDArray[np.int64]
    ) -> RecallingState:
        """See `TitleModel.advance`."""
        nodes = [
            self._tree.child(node, token) if token != self.end else -1
            for node, token in zip(state.nodes[rows].tolist(), tokens.tolist(), strict=True)
        ]
        written = self._model.advance(state.written, rows, tokens)
        return RecallingState(written, state.recalled, state.queries[rows], np.array(nodes, np.int64))

    def log_probs(self, state: RecallingState, allowed: Sequence[Tokens]) -> list[NDArray[np.float32]]:
        """See `TitleModel.log_probs`."""
        written = self._model.log_probs(state.written, allowed)
        return [
            own if node < 0 or len(tokens) == 1 else self._mixed(own, pages, node, tokens)
            for own, query, node, tokens in zip(
                written, state.queries.tolist(), state.nodes.tolist(), allowed, strict=True
            )
            for pages in [state.recalled.pages[query]]
        ]

    def _mixed(
        self, own: NDArray[np.float32], pages: NDArray[np.float64], node: int, tokens: Tokens
    ) -> NDArray[np.float32]:
        children = self._tree.children(node)
        masses = self._masses(pages, node, len(children))
        if not np.array_equal(tokens, children):
            places = np.minimum(np.searchsorted(children, tokens), len(children) - 1)
            masses = np.where(children[places] == tokens, masses[places], -np.inf)
        masses = masses - np.logaddexp.reduce(masses)
        mixed: NDArray[np.float64] = np.logaddexp(self._log_shares[0] + own, self._log_shares[1] + masses)
        return mixed.astype(np.float32)

    def _masses(self, pages: NDArray[np.float64], node: int, children: int) -> NDArray[np.float64]:
        """Logarithms of the probabilities of the pages below each child, float64 (children,)."""
        starts = self._ranges.starts
        low, first = starts[node], self._tree.first_child(node)
        below = pages[low : low + self._ranges.counts[node]]
        masses: NDArray[np.float64] = np.logaddexp.reduceat(below, starts[first : first + children] - low)
        return masses


def _log_shares(share: float) -> tuple[float, float]:
    """Logarithms of the title model's and the memory's share."""
    return math.log(1 - share) if share < 1 else -math.inf, math.log(share) if share else -math.inf
