"""Keys and values of a tree of hypotheses: one row of slots a prompt, which all its hypotheses share.

A token that a model has read takes one slot in the row of its prompt, and stays where it was put: hypotheses
that branch off share the slots of what they have in common, and a mask says which slots a hypothesis sees.
Nothing is copied a hypothesis, neither the prompt's slots nor those of the tokens after it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class TreeCache:
    """Slots of every layer, filled from the front; what is written is never changed.

    One slot of SmolLM2-135M in bf16 is 23,040 bytes: 30 layers, keys and values, 3 heads of 64.

    Args:
        prompts: rows of slots.
        capacity: slots a row.
        memory: what else the network keeps of the prompts (an encoder's output).

    Attributes:
        length: slots filled, of every row; where a row had nothing to write, its slot is seen by nobody.
    """

    def __init__(self, prompts: int, capacity: int, memory: Any = None) -> None:
        self.prompts = prompts
        self.capacity = capacity
        self.memory = memory
        self.length = 0
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []

    def write(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Put the next slots of one layer; layers come in order the first time.

        Args:
            layer: its number.
            keys, values: (prompts, heads, width, head size).

        Returns:
            Views of all filled slots with the new ones: (prompts, heads, length + width, head size).
        """
        if layer == len(self._keys):
            self._keys.append(self._slots(keys))
            self._values.append(self._slots(values))
        end = self.length + keys.shape[2]
        all_keys, all_values = self._keys[layer][:, :, :end], self._values[layer][:, :, :end]
        all_keys[:, :, self.length :] = keys
        all_values[:, :, self.length :] = values
        return all_keys, all_values

    def advance(self, width: int) -> None:
        """Count the slots that every layer has written."""
        self.length += width

    def forget(self, length: int) -> None:
        """Give back the slots from `length` on; only for who knows that nobody sees them."""
        self.length = length

    def compacted(self, seen: NDArray[np.bool_], room: int) -> tuple[TreeCache, NDArray[np.int64]]:
        """A copy that keeps some slots only.

        Args:
            seen: bool of shape (prompts, slots): which to keep.
            room: free slots that the copy has at its end.

        Returns:
            The copy, and int64 of shape (prompts, kept): the slot that each slot of the copy was. A row with
            fewer slots to keep than another is filled up with its first slots that are not `seen`.
        """
        kept = int(seen.sum(1).max(initial=0))
        slots = np.argsort(~seen, axis=1, kind="stable")[:, :kept]
        copy = TreeCache(self.prompts, kept + room, self.memory)
        copy.length = kept
        rows = torch.arange(self.prompts)[:, None]
        chosen = torch.from_numpy(slots)
        for old, new in ((self._keys, copy._keys), (self._values, copy._values)):
            for layer in old:
                fresh = layer.new_empty((self.prompts, layer.shape[1], copy.capacity, layer.shape[3]))
                fresh.transpose(1, 2)[:, :kept] = layer.transpose(1, 2)[
                    rows.to(layer.device), chosen.to(layer.device)
                ]
                new.append(fresh)
        return copy, slots

    def _slots(self, like: Tensor) -> Tensor:
        return like.new_empty((self.prompts, like.shape[1], self.capacity, like.shape[3]))
