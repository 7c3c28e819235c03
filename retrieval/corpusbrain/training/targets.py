"""What the decoder should say for a batch of titles: a choice among a tree node's children at every fork."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.corpusbrain.naming import Names
from skerry.retrieval.corpusbrain.title_tree import TitleTree


@dataclass(frozen=True, slots=True)
class Targets:
    """The forks on the way through the tree of n sequences of titles.

    Where a node has one child there is nothing to choose, and nothing is learnt.

    Attributes:
        tokens: int64 (n, t), what the decoder reads: the start token and the titles up to the last fork.
        first_rows, first_places, first_choices: int64 (f,): after place `first_places[j]` of the sequence
            `first_rows[j]` a title starts with the child number `first_choices[j]` of the root; as many as
            the root has children means that no title follows.
        rows, places: int64 (m,), the forks inside of titles.
        candidates: int64 (m, k), the node's children, padded with -1.
        choices: int64 (m,), which of them is right.
    """

    tokens: NDArray[np.int64]
    first_rows: NDArray[np.int64]
    first_places: NDArray[np.int64]
    first_choices: NDArray[np.int64]
    rows: NDArray[np.int64]
    places: NDArray[np.int64]
    candidates: NDArray[np.int64]
    choices: NDArray[np.int64]


class TargetMaker:
    """Makes targets of page numbers.

    Args:
        names: of all pages.
        tree: of the same names.
        start: the token that decoding starts with.
        stop: whether sequences end with the choice of no further title; without it a sequence has one title.
    """

    def __init__(self, names: Names, tree: TitleTree, start: int, stop: bool) -> None:
        self._names, self._tree, self._start, self._stop = names, tree, start, stop
        self._root = tree.children(tree.root)

    def make(self, pages: Sequence[Sequence[int]]) -> Targets:
        """The targets of one sequence of pages a row."""
        first: list[tuple[int, int, int]] = []
        inner: list[tuple[int, int, int]] = []
        wide: list[NDArray[np.int64]] = []
        said: list[list[int]] = []
        used: list[int] = []
        for row, sequence in enumerate(pages):
            tokens = [self._start]
            last = 0
            for page in sequence if self._stop else sequence[:1]:
                node = self._tree.root
                for token in (*self._title(page), self._tree.end):
                    children = self._tree.children(node)
                    choice = int(np.searchsorted(children, token))
                    if node == self._tree.root:
                        if len(children) > 1 or self._stop:
                            first.append((row, len(tokens) - 1, choice))
                            last = len(tokens)
                    elif len(children) > 1:
                        inner.append((row, len(tokens) - 1, choice))
                        wide.append(children.astype(np.int64))
                        last = len(tokens)
                    node = self._tree.first_child(node) + choice
                    tokens.append(token)
            if self._stop:
                first.append((row, len(tokens) - 1, len(self._root)))
                last = len(tokens)
            said.append(tokens)
            used.append(max(last, 1))
        width = max(used)
        tokens_array = np.zeros((len(said), width), np.int64)
        for row, (tokens, size) in enumerate(zip(said, used, strict=True)):
            tokens_array[row, :size] = tokens[:size]
        candidates = np.full((len(wide), max((len(c) for c in wide), default=0)), -1, np.int64)
        for row, fork in enumerate(wide):
            candidates[row, : len(fork)] = fork
        firsts = np.array(first, np.int64).reshape(-1, 3)
        inners = np.array(inner, np.int64).reshape(-1, 3)
        return Targets(
            tokens=tokens_array,
            first_rows=firsts[:, 0],
            first_places=firsts[:, 1],
            first_choices=firsts[:, 2],
            rows=inners[:, 0],
            places=inners[:, 1],
            candidates=candidates,
            choices=inners[:, 2],
        )

    def _title(self, page: int) -> list[int]:
        low, high = self._names.offsets[page], self._names.offsets[page + 1]
        tokens: list[int] = self._names.tokens[low:high].tolist()
        return tokens
