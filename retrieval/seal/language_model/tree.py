"""A language model over a tree of hypotheses: bookkeeping of slots, masks and positions, for any network.

All hypotheses of a prompt are read in one pass as if they were one sequence, each with a mask that shows it
the prompt and its own ancestors only (the tree attention of Miao et al. 2023, SpecInfer).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skerry.core.errors import InvalidInput
from skerry.retrieval.seal.language_model.cache import TreeCache
from skerry.retrieval.seal.language_model.log_probs import log_softmax
from skerry.retrieval.seal.language_model.network import Network, Step

_CELLS = 512
"""Cells of one pass when many tokens are read at once: bounds the memory of masks and logits."""
_SPARE = 7
"""Further steps of the same width that fit into a cache before it is compacted again."""

Sink = Callable[[NDArray[np.int64], Tensor], None]


@dataclass(frozen=True, slots=True)
class TreeState:
    """See `State`. Holds 4 bytes a logit and row (197 kB for SmolLM2), and a share of a `TreeCache`.

    Attributes:
        cache: the slots; later states of the same tree write on in it.
        seen: bool (rows, slots): which slots belong to a row's sequence.
        lengths: int64 (rows,): tokens of each row's sequence: the position of the next one.
        places: int64 (prompts, slots): the position of the token in each slot.
    """

    log_probs: NDArray[np.float32]
    prompt_of: NDArray[np.int64]
    cache: TreeCache
    seen: NDArray[np.bool_]
    lengths: NDArray[np.int64]
    places: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Nodes:
    """Tokens to read, parents before children.

    Attributes:
        tokens: int64 (n,).
        prompt_of: int64 (n,).
        parents: int64 (n,): an earlier node, or -1 - row for a row of the state that is continued.
    """

    tokens: NDArray[np.int64]
    prompt_of: NDArray[np.int64]
    parents: NDArray[np.int64]


class TreeReader:
    """Reads prompts and tokens after them with any network.

    Args:
        network: the weights.
    """

    def __init__(self, network: Network) -> None:
        self._network = network

    def start(self, prompts: Sequence[Sequence[int]]) -> TreeState:
        """The state whose rows are the prompts."""
        with torch.inference_mode():
            memory, beginnings = self._network.read(prompts)
            lengths = np.array([len(beginning) for beginning in beginnings], np.int64)
            count = len(prompts)
            ends = np.cumsum(lengths)
            parents = np.arange(-1, lengths.sum() - 1)
            parents[ends - lengths] = -1 - np.arange(count)
            nodes = Nodes(
                np.concatenate([np.asarray(beginning, np.int64) for beginning in beginnings]),
                np.repeat(np.arange(count), lengths),
                parents,
            )
            empty = TreeState(
                np.empty((count, 0), np.float32),
                np.arange(count),
                TreeCache(count, int(lengths.max()), memory),
                np.zeros((count, 0), np.bool_),
                np.zeros(count, np.int64),
                np.zeros((count, 0), np.int64),
            )
            return self._grown(empty, nodes, ends - 1)

    def next_log_probs(
        self, state: TreeState, parents: NDArray[np.int64], tokens: NDArray[np.int64]
    ) -> TreeState:
        """The state whose rows are `parents` of `state` (n,), each followed by one of `tokens` (n,)."""
        nodes = Nodes(tokens, state.prompt_of[parents], -1 - parents)
        with torch.inference_mode():
            return self._grown(state, nodes, np.arange(len(tokens)))

    def score(self, state: TreeState, nodes: Nodes, take: Sink) -> None:
        """Read nodes for their logits only; the state's cache is left as it was.

        Args:
            state: what the nodes continue.
            nodes: the tokens.
            take: gets node numbers, int64 (k,), and their logits, (k, logits), pass by pass.
        """
        length = state.cache.length
        try:
            with torch.inference_mode():
                self._feed(state, nodes, np.arange(len(nodes.tokens)), take, spare=0)
        finally:
            state.cache.forget(length)

    def _grown(self, state: TreeState, nodes: Nodes, keep: NDArray[np.int64]) -> TreeState:
        """The state whose rows are the nodes `keep`, after reading all nodes."""
        parts: list[Tensor] = []
        order: list[NDArray[np.int64]] = []

        def take(kept: NDArray[np.int64], logits: Tensor) -> None:
            order.append(kept)
            parts.append(log_softmax(logits))

        cache, seen, lengths, places = self._feed(state, nodes, keep, take, spare=_SPARE)
        if len(parts) == 1 and np.array_equal(order[0], keep):
            log_probs = parts[0].numpy()
        else:
            log_probs = np.empty((len(keep), self._network.logits), np.float32)
            line = np.zeros(len(nodes.tokens), np.int64)
            line[keep] = np.arange(len(keep))
            for kept, part in zip(order, parts, strict=True):
                log_probs[line[kept]] = part.numpy()
        return TreeState(log_probs, nodes.prompt_of[keep], cache, seen[keep], lengths[keep], places)

    def _feed(
        self, state: TreeState, nodes: Nodes, keep: NDArray[np.int64], take: Sink, spare: int
    ) -> tuple[TreeCache, NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
        """Read nodes in as few passes as memory allows; `take` gets the logits of those to keep.

        Returns:
            The cache; for each node the slots of its sequence, bool (n, slots), and its sequence's length,
            int64 (n,); and the positions in the slots.
        """
        count = len(nodes.tokens)
        lengths = _lengths(state.lengths, nodes.parents)
        self._check_room(lengths)
        prompts = state.cache.prompts
        per_prompt = np.bincount(nodes.prompt_of, minlength=prompts)
        widest = int(per_prompt.max(initial=0))
        order = np.argsort(nodes.prompt_of, kind="stable")
        rank = np.empty(count, np.int64)
        rank[order] = np.arange(count) - np.repeat(np.cumsum(per_prompt) - per_prompt, per_prompt)
        cache, base, places = _with_room(state, nodes, widest, spare)
        first = cache.length
        slots = first + rank
        seen = np.zeros((count, first + widest), np.bool_)
        _inherit(seen, base, nodes.parents, slots)
        grown = np.zeros((prompts, first + widest), np.int64)
        grown[:, : places.shape[1]] = places
        grown[nodes.prompt_of, slots] = lengths - 1
        kept = np.zeros(count, np.bool_)
        kept[keep] = True
        for low, high in _passes(widest, prompts):
            chosen = order[(rank[order] >= low) & (rank[order] < high)]
            columns, width = rank[chosen] - low, high - low
            step = self._step(nodes, chosen, columns, width, lengths, seen, grown[:, : first + high])
            wanted = chosen[kept[chosen]]
            wanted.sort()
            line = np.empty(count, np.int64)
            line[chosen] = np.arange(len(chosen))
            logits = self._network.forward(step, cache, self._tensor(line[wanted]))
            cache.advance(width)
            if len(wanted):
                take(wanted, logits)
        return cache, seen, lengths, grown

    def _step(
        self,
        nodes: Nodes,
        chosen: NDArray[np.int64],
        columns: NDArray[np.int64],
        width: int,
        lengths: NDArray[np.int64],
        seen: NDArray[np.bool_],
        places: NDArray[np.int64],
    ) -> Step:
        prompts, slots = places.shape
        cells = nodes.prompt_of[chosen] * width + columns
        mask = np.full((prompts * width, slots), -np.inf, np.float32)
        if len(cells) < len(mask):
            mask[:, 0] = 0.0
        mask[cells] = np.where(seen[chosen, :slots], np.float32(0), np.float32(-np.inf))
        return Step(
            self._tensor(nodes.tokens[chosen]),
            self._tensor(lengths[chosen] - 1),
            self._tensor(cells),
            prompts,
            width,
            torch.from_numpy(mask).view(prompts, width, slots).to(self._network.device, self._network.dtype),
            self._tensor(places),
        )

    def _tensor(self, values: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self._network.device)

    def _check_room(self, lengths: NDArray[np.int64]) -> None:
        longest = int(lengths.max(initial=0))
        if longest > self._network.room:
            raise InvalidInput(
                f"{longest} tokens do not fit in the model's context of {self._network.room}.",
                hint="Ask a shorter question, or generate fewer tokens.",
                details={"tokens": str(longest), "context": str(self._network.room)},
            )


def _lengths(of_rows: NDArray[np.int64], parents: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tokens of each node's sequence, the node included; int64 (n,)."""
    lengths = np.empty(len(parents), np.int64)
    roots = parents < 0
    lengths[roots] = of_rows[-1 - parents[roots]] + 1
    for node in np.flatnonzero(~roots).tolist():
        lengths[node] = lengths[parents[node]] + 1
    return lengths


def _inherit(
    seen: NDArray[np.bool_], base: NDArray[np.bool_], parents: NDArray[np.int64], slots: NDArray[np.int64]
) -> None:
    """Fill `seen`: what the parent sees (`base` for rows of the state), and the node's own slot."""
    count = len(parents)
    roots = np.flatnonzero(parents < 0)
    seen[roots, : base.shape[1]] = base[-1 - parents[roots]]
    seen[np.arange(count), slots] = True
    for node in np.flatnonzero(parents >= 0).tolist():
        seen[node] |= seen[parents[node]]


def _passes(width: int, prompts: int) -> Iterator[tuple[int, int]]:
    """Columns of a grid of `width`, in pieces of at most `_CELLS` cells."""
    most = max(1, _CELLS // max(prompts, 1))
    for low in range(0, width, most):
        yield low, min(low + most, width)


def _with_room(
    state: TreeState, nodes: Nodes, width: int, spare: int
) -> tuple[TreeCache, NDArray[np.bool_], NDArray[np.int64]]:
    """A cache with room for `width` more slots, what the state's rows see in it, and positions in it.

    It is the state's own, or, where that is full, a copy of what the continued rows see, with room for
    `spare` more steps of that width.
    """
    cache = state.cache
    if cache.length + width <= cache.capacity:
        return cache, state.seen, state.places
    live = np.zeros(state.places.shape, np.bool_)
    rows = np.unique(-1 - nodes.parents[nodes.parents < 0])
    np.logical_or.at(live, state.prompt_of[rows], state.seen[rows])
    copy, slots = cache.compacted(live, (1 + spare) * width)
    seen = np.take_along_axis(state.seen, slots[state.prompt_of], 1)
    return copy, seen, np.take_along_axis(state.places, slots, 1)
