"""A key-value cache whose memory is taken once: a step writes its rows in place and copies nothing.

The library's default cache concatenates old and new rows at every step, which moves the whole cache through
memory once a token and layer. Here a layer owns its rows for the whole request and hands out views of the
part that is filled.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin


class PreallocatedLayer(CacheLayerMixin):  # type: ignore[misc]
    """One layer's keys and values, shape (batch, KV heads, capacity, head size), filled from the front.

    Args:
        capacity: most tokens that will ever be written; writing more is a programming error (`ValueError`).
    """

    is_sliding = False
    is_croppable = True

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.length = 0

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
        """Append rows of shape (batch, KV heads, n, head size); views of all the filled rows come back."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.length + key_states.shape[-2]
        if end > self.capacity:
            raise ValueError(f"{end} tokens written to a cache of {self.capacity}")
        self.keys[:, :, self.length : end] = key_states
        self.values[:, :, self.length : end] = value_states
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """(keys that a mask must span, offset of the first of them)."""
        return self.length + query_length, 0

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
