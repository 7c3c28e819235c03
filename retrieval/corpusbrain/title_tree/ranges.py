"""The pages below each node of a title tree: in the order of their titles they are one range."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.corpusbrain.title_tree.layout import Arrays


@dataclass(frozen=True, slots=True, eq=False)
class PageRanges:
    """Which pages are below each node.

    Attributes:
        order: page numbers in the order of their titles' tokens, int64 (pages,).
        starts, counts: the pages below node i are `order[starts[i]:starts[i] + counts[i]]`, and those of its
            children follow one another; int64 (nodes,).
    """

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]


def page_ranges(arrays: Arrays) -> PageRanges:
    """The ranges of a tree's nodes: counted from the leaves up, then placed from the root down."""
    first_child = arrays.first_child.astype(np.int64)
    nodes = len(first_child) - 1
    counts = np.zeros(nodes, np.int64)
    counts[arrays.ends] = 1
    levels = [(0, 1)]
    while (below := (int(first_child[levels[-1][0]]), int(first_child[levels[-1][1]])))[0] < below[1]:
        levels.append(below)
    for (low, high), (first, last) in zip(levels[-2::-1], levels[:0:-1], strict=True):
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts[first:last])])
        counts[low:high] += np.diff(before[first_child[low : high + 1] - first])
    starts = np.zeros(nodes, np.int64)
    for (low, high), (first, last) in pairwise(levels):
        before = np.cumsum(counts[first:last]) - counts[first:last]
        children = np.diff(first_child[low : high + 1])
        parents = np.repeat(np.arange(low, high), children)
        starts[first:last] = starts[parents] + before - before[first_child[parents] - first]
    order = np.empty(len(arrays.ends), np.int64)
    order[starts[arrays.ends]] = arrays.end_pages
    return PageRanges(order, starts, counts)
