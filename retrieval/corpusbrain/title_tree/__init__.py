"""The prefix tree of all pages' names in one file: what may follow a beginning of a title."""

from skerry.retrieval.corpusbrain.title_tree.build import build_tree
from skerry.retrieval.corpusbrain.title_tree.ranges import PageRanges
from skerry.retrieval.corpusbrain.title_tree.tree import TitleTree

__all__ = ["PageRanges", "TitleTree", "build_tree"]
