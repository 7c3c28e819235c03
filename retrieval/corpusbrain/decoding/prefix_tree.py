"""What the search asks of a tree of titles."""

from __future__ import annotations

from typing import Protocol

from skerry.retrieval.corpusbrain.model.base import Tokens


class PrefixTree(Protocol):
    """Titles, each followed by `end`; nodes are numbers. `TitleTree` is one.

    Attributes:
        root: the node of the empty sequence.
        end: the token after every title.
    """

    @property
    def root(self) -> int: ...

    @property
    def end(self) -> int: ...

    def children(self, node: int) -> Tokens:
        """Tokens that may follow; number j leads to node `first_child(node) + j`."""
        ...

    def first_child(self, node: int) -> int:
        """The node of the first of `children(node)`."""
        ...

    def page(self, node: int) -> int:
        """The page whose title, with `end`, leads to `node`, or -1."""
        ...
