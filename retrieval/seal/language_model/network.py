"""The part of a language model that differs by architecture: one pass of new tokens over a `TreeCache`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from skerry.retrieval.seal.language_model.cache import TreeCache


@dataclass(frozen=True, slots=True)
class Step:
    """New tokens on a grid: a row of cells a prompt, as wide as the prompt with the most new tokens.

    Attributes:
        tokens: int64 (n,): token ids, in the order of their cells.
        positions: int64 (n,): each token's place in its sequence, from 0.
        cells: int64 (n,), ascending: each token's place in the grid, read row by row.
        prompts: rows of the grid.
        width: cells a row.
        mask: (prompts, width, slots): 0 where a cell sees a slot, else minus infinity; in the network's type.
            The last `width` slots are those of the cells themselves. A cell without a token sees one slot.
        places: int64 (prompts, slots): the position of the token in each slot; 0 where there is none.
    """

    tokens: Tensor
    positions: Tensor
    cells: Tensor
    prompts: int
    width: int
    mask: Tensor
    places: Tensor

    @property
    def full(self) -> bool:
        """Whether every cell has a token."""
        return len(self.tokens) == self.prompts * self.width

    def grid(self, values: Tensor) -> Tensor:
        """Values of the tokens, (n,), on the grid: (prompts, width), with zeros where there is no token."""
        grid = values.new_zeros(self.prompts * self.width)
        grid[self.cells] = values
        return grid.view(self.prompts, self.width)


class Network(Protocol):
    """A model's weights.

    Attributes:
        logits: columns of what `forward` returns.
        context: most tokens that `read` takes.
        room: most positions of the sequences on the tree.
        device: where its inputs go.
        dtype: of its masks.
    """

    logits: int
    context: int
    room: int
    device: str
    dtype: torch.dtype

    def read(self, prompts: Sequence[Sequence[int]]) -> tuple[object, list[list[int]]]:
        """What to keep in `TreeCache.memory`, and for each prompt the tokens that its tree starts with."""
        ...

    def forward(self, step: Step, cache: TreeCache, keep: Tensor) -> Tensor:
        """Read new tokens, write their keys and values to the cache (without advancing it).

        Args:
            step: the tokens, and what each may see.
            cache: the slots so far.
            keep: int64 (k,): for which tokens logits are wanted.

        Returns:
            (k, logits), in any floating-point type.
        """
        ...
