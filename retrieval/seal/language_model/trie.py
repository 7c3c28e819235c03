"""Sequences that begin alike, put together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.seal.language_model.tree import Nodes


class Trie:
    """Sequences under rows of a state, common beginnings once; a sequence's last token is never a node."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self._parents: list[int] = []
        self._children: dict[tuple[int, int], int] = {}

    def add(self, row: int, sequence: Sequence[int]) -> list[int]:
        """For each token of the sequence, the node before it: -1 - row, or a node's number."""
        node, before = -1 - row, []
        for place, token in enumerate(sequence):
            before.append(node)
            if place + 1 < len(sequence):
                key = (node, int(token))
                if key not in self._children:
                    self._children[key] = len(self.tokens)
                    self.tokens.append(int(token))
                    self._parents.append(node)
                node = self._children[key]
        return before

    def nodes(self, prompt_of_rows: NDArray[np.int64]) -> Nodes:
        """The nodes; prompts follow from the rows at their roots."""
        prompt_of = np.empty(len(self.tokens), np.int64)
        for node, parent in enumerate(self._parents):
            prompt_of[node] = prompt_of[parent] if parent >= 0 else prompt_of_rows[-1 - parent]
        return Nodes(np.array(self.tokens, np.int64), prompt_of, np.array(self._parents, np.int64))
