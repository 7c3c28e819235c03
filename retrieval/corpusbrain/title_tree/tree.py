"""Reads a title tree through a memory map."""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.retrieval.corpusbrain.title_tree.layout import corrupt, read_arrays, read_shape
from skerry.retrieval.corpusbrain.title_tree.ranges import PageRanges, page_ranges


class TitleTree:
    """The prefix tree of all pages' names, each followed by `end`: a sequence of tokens that ends in `end`
    can be walked if and only if it is a page's name.

    Use `open`. Immutable; safe from many threads; processes share its memory. Nodes are numbers from 0, the
    root; -1 stands for no node, and has no children. To ask for what follows any other number of no node is
    `InvalidInput`.

    Attributes:
        end: the token after every name.
        nodes, pages: how many.
    """

    root = 0

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
            raise corrupt(path, f"cannot be read ({error})") from error
        shape = read_shape(path, data)
        self.end, self.nodes, self.pages = shape.end, shape.nodes, shape.pages
        self._arrays = arrays = read_arrays(data, shape)
        self._tokens = arrays.tokens
        # Single numbers are read several times faster through a memoryview than from an array.
        self._token = arrays.tokens.data
        self._first_child = arrays.first_child.data
        self._ends = arrays.ends.data
        self._end_pages = arrays.end_pages.data

    @classmethod
    def open(cls, path: Path) -> TitleTree:
        """The tree in a file, every byte of it checked.

        Raises:
            IndexCorrupt: the file is missing, too short, of another version, or damaged.
        """
        return cls(path)

    def children(self, node: int) -> NDArray[np.uint16] | NDArray[np.uint32]:
        """Tokens that may follow, ascending, a view of shape (children,); number j leads to node
        `first_child(node) + j`."""
        low, high = self._run(node)
        return self._tokens[low:high]

    def first_child(self, node: int) -> int:
        """The node of the first of `children(node)`; it means nothing where there are none."""
        return self._run(node)[0]

    def child(self, node: int, token: int) -> int:
        """The node that `token` leads to, or -1."""
        low, high = self._run(node)
        place = bisect_left(self._token, token, low, high) if low < high else high
        return place if place < high and self._token[place] == token else -1

    def page(self, node: int) -> int:
        """The page whose name ends at `node`, with the token `end`, or -1."""
        place = bisect_left(self._ends, node)
        return self._end_pages[place] if place < self.pages and self._ends[place] == node else -1

    def walk(self, tokens: Iterable[int]) -> int:
        """The node that a sequence of tokens leads to from the root, or -1."""
        node = self.root
        for token in tokens:
            node = self.child(node, token)
            if node < 0:
                break
        return node

    def ways_to(self, pages: NDArray[np.int64]) -> NDArray[np.int64]:
        """Every node on the ways from the root, itself included, to the ends of some pages' names.

        Args:
            pages: their numbers, int64 (n,).

        Returns:
            Ascending, int64 (nodes,).
        """
        wanted = np.zeros(self.pages, dtype=bool)
        wanted[pages] = True
        nodes = self._arrays.ends[wanted[self._arrays.end_pages]].astype(np.int64)
        ways = [np.zeros(1, np.int64)]
        while len(nodes):
            ways.append(nodes)
            # Children are numbered in the order of their parents, of which those without any come between.
            parents = np.searchsorted(self._arrays.first_child, nodes.astype(np.uint32), side="right") - 1
            nodes = np.unique(parents[parents > self.root])
        return np.unique(np.concatenate(ways))

    def ranges(self) -> PageRanges:
        """The pages below each node; worked out at every call, 24 bytes a node."""
        return page_ranges(self._arrays)

    def _run(self, node: int) -> tuple[int, int]:
        """The children's first node, and the one after the last."""
        if not -1 <= node < self.nodes:
            raise InvalidInput(f"The title tree {self.path} has no node {node}: it has {self.nodes}.")
        if node < 0:
            return 0, 0
        return self._first_child[node], self._first_child[node + 1]
