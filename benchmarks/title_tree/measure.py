"""What a tree is asked: what follows a beginning, and where whole titles lead."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from skerry.benchmarks.title_tree.titles import END

_WIDEST = 100
_CALLS = 20_000


class Tree(Protocol):
    """A tree of names; what its nodes are is its own business."""

    root: Any

    def children(self, node: Any) -> Sized:
        """Tokens that may follow."""

    def walk(self, tokens: Iterable[int]) -> Any:
        """The node of a sequence of tokens."""

    def page(self, node: Any) -> int:
        """The page whose name ends at a node."""


@dataclass(frozen=True, slots=True)
class Times:
    """Microseconds of processor time a call, and children on average.

    Attributes:
        path_us, path_children: children of a node at a random depth of a random title, the root and the end
            left out.
        root_us, root_children: children of the root.
        widest_us, widest_children: children of the 100 widest of those nodes.
        walk_us: a whole title and its end, to its page.
        walk_tokens: tokens of these, on average.
    """

    path_us: float
    path_children: float
    root_us: float
    root_children: float
    widest_us: float
    widest_children: float
    walk_us: float
    walk_tokens: float


def measure(tree: Tree, titles: Sequence[Sequence[int]], seed: int) -> tuple[Times, list[int]]:
    """Figures on these titles' tokens, in this order, and the pages that they lead to."""
    rng = np.random.default_rng(seed)
    names = [(*title, END) for title in titles]

    def find(name: tuple[int, ...]) -> int:
        return tree.page(tree.walk(name))

    walk_us = _each(find, names)
    depths = rng.integers(1, [len(title) + 1 for title in titles]).tolist()
    beginnings = [tuple(title[:depth]) for title, depth in zip(titles, depths, strict=True)]
    nodes = [tree.walk(beginning) for beginning in beginnings]
    path_us = _each(tree.children, nodes)
    sizes = [len(tree.children(node)) for node in nodes]
    # A node that several titles share counts once among the widest.
    distinct = dict(zip(beginnings, zip(sizes, nodes, strict=True), strict=True))
    widest = sorted(distinct.values(), key=lambda pair: -pair[0])[:_WIDEST]
    times = Times(
        path_us=path_us,
        path_children=float(np.mean(sizes)),
        root_us=_each(tree.children, [tree.root] * _CALLS),
        root_children=len(tree.children(tree.root)),
        widest_us=_each(tree.children, [node for _, node in widest] * (_CALLS // len(widest))),
        widest_children=float(np.mean([size for size, _ in widest])),
        walk_us=walk_us,
        walk_tokens=float(np.mean([len(name) for name in names])),
    )
    return times, [find(name) for name in names]


def _each(call: Callable[[Any], Any], arguments: Sequence[Any]) -> float:
    """Microseconds a call."""
    start = time.process_time()
    for argument in arguments:
        call(argument)
    return (time.process_time() - start) / len(arguments) * 1e6
