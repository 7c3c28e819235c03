"""A `TreeCache` in the clothes of transformers' cache, for one pass."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

from skerry.retrieval.seal.language_model.cache import TreeCache


class TreeCacheLayer(CacheLayerMixin):  # type: ignore[misc]
    """One layer of the cache; it keeps nothing itself."""

    def __init__(self, cache: TreeCache, layer: int) -> None:
        super().__init__()
        self._cache = cache
        self._layer = layer
        self.is_initialized = True

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Nothing to do: the tree's cache takes its memory itself."""

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write (prompts, heads, width, head size); all filled slots come back."""
        return self._cache.write(self._layer, key_states, value_states)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """(keys that a mask must span, offset of the first of them)."""
        return self._cache.length + query_length, 0

    def get_seq_length(self) -> int:
        """Slots filled before this pass."""
        return self._cache.length

    def get_max_length(self) -> int:
        """No bound of its own."""
        return -1


def as_transformers_cache(cache: TreeCache, layers: int) -> Any:
    """The cache that a model of `layers` layers takes."""
    return Cache(layers=[TreeCacheLayer(cache, layer) for layer in range(layers)])
