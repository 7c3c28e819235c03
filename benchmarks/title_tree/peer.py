"""The peer: a dict for every node."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from typing import Any

from skerry.benchmarks.title_tree.titles import END
from skerry.retrieval.corpusbrain.naming import Names

Node = dict[int, Any]


class DictTree:
    """The same names under the same calls. A node is a dict from tokens to nodes; `END` leads to the page."""

    def __init__(self, names: Names) -> None:
        self.root: Node = {}
        for page in range(len(names)):
            node = self.root
            for token in names[page].tolist():
                node = node.setdefault(token, {})
            node[END] = page

    def children(self, node: Node) -> list[int]:
        """Tokens that may follow."""
        return list(node)

    def walk(self, tokens: Iterable[int]) -> Any:
        """The node that a sequence of tokens leads to."""
        node: Any = self.root
        for token in tokens:
            node = node[token]
        return node

    def page(self, leaf: int) -> int:
        """The page whose name ends at a leaf."""
        return leaf


def memory_of(names: Names) -> int:
    """Bytes that such a tree takes."""
    tracemalloc.start()
    tree = DictTree(names)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del tree
    return size
