"""A key-value cache whose memory is taken once: a step writes its rows in place and copies nothing.

The library's default cache concatenates old and new rows at every step, which moves the whole cache through
memory once a token and layer. Here a layer owns its rows for the whole request and hands out views of the
part that is filled. Rows that were filled can be written again, in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin


class PreallocatedLayer(CacheLayerMixin):  # type: ignore[misc]
    """One layer's keys and values, shape (batch, KV heads, capacity, head size), filled from the front.

    Args:
        capacity: most tokens that will ever be written; writing more is a programming error (`ValueError`).

    Attributes:
        rows: int64 of shape (n,): where the next updates write their n rows; None appends.
    """

    is_sliding = False
    is_croppable = True

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.length = 0
        self.rows: torch.Tensor | None = None

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Take the memory, on the device and in the type of the first rows."""
        self.device = key_states.device
        self.keys = self._rows(key_states)
        self.values = self._rows(value_states)
        self.is_initialized = True

    def _rows(self, like: torch.Tensor) -> torch.Tensor:
        batch, heads, _, size = like.shape
        return torch.empty((batch, heads, self.capacity, size), dtype=like.dtype, device=like.device)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write rows of shape (batch, KV heads, n, head size); views of all the filled rows come back."""
        if self.rows is None:
            self.append(key_states, value_states)
        else:
            self.keys.index_copy_(2, self.rows, key_states)
            self.values.index_copy_(2, self.rows, value_states)
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]

    def append(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Fill the next rows; shapes as in `update`."""
        if not self.is_initialized:
            self.lazy_initialization(keys, values)
        start = self.length
        self.reach(start + keys.shape[-2])
        self.keys[:, :, start : self.length] = keys
        self.values[:, :, start : self.length] = values

    def reach(self, end: int) -> None:
        """Count the rows before `end` as filled."""
        if end > self.capacity:
            raise ValueError(f"{end} tokens written to a cache of {self.capacity}")
        self.length = max(self.length, end)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """(keys that a mask must span, offset of the first of them)."""
        return self.length + (query_length if self.rows is None else 0), 0

    def get_seq_length(self) -> int:
        """Tokens written so far."""
        return self.length

    def get_max_length(self) -> int:
        """The capacity."""
        return self.capacity

    def crop(self, tokens_to_remove: int) -> None:
        """Forget the last tokens; their memory is written again by the next `update`."""
        self.length = max(0, self.length - abs(tokens_to_remove))

    def reset(self) -> None:
        """Forget every token and keep the memory."""
        self.length = 0


class PreallocatedCache(Cache):  # type: ignore[misc]
    """`PreallocatedLayer` for every layer of a model.

    Args:
        layers: number of the model's layers.
        capacity: most tokens (prompt and answer) of the request.
    """

    def __init__(self, layers: int, capacity: int) -> None:
        super().__init__(layers=[PreallocatedLayer(capacity) for _ in range(layers)])

    def append(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Fill the next rows of every layer, of one sequence: (layers, KV heads, n, head size)."""
        for layer, own_keys, own_values in zip(self.layers, keys, values, strict=True):
            layer.append(own_keys[None], own_values[None])

    def take(self, start: int, end: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Copies of rows of the first sequence, each of shape (layers, KV heads, end - start, head size)."""
        keys = torch.stack([layer.keys[0, :, start:end] for layer in self.layers])
        return keys, torch.stack([layer.values[0, :, start:end] for layer in self.layers])

    @contextmanager
    def writing(self, rows: torch.Tensor) -> Iterator[None]:
        """Updates inside the block write these rows, int64 of shape (n,), ascending.

        They are rows that were filled before, or stand next to them without a gap.
        """
        for layer in self.layers:
            layer.reach(int(rows[-1]) + 1)
            layer.rows = rows
        try:
            yield
        finally:
            for layer in self.layers:
                layer.rows = None
