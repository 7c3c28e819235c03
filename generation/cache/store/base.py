"""What a tier does. None of its calls fails because of what the tier rests on: it counts, and has nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from skerry.generation.cache.passage_kv import PassageKV, StoreKey, Tier
from skerry.generation.cache.store.counts import TierCounts


class StoreTier(Protocol):
    """One place where values are kept. Safe to call from several threads."""

    @property
    def name(self) -> Tier:
        """How counts and answers name it."""
        ...

    def asked(self, keys: Sequence[StoreKey]) -> None:
        """Told of every request, also of those that another tier answers: what is popular stays."""
        ...

    def get_many(self, keys: Sequence[StoreKey]) -> list[PassageKV | None]:
        """The values, in order; None for what is not here, not whole, or cannot be had now."""
        ...

    def offer(self, key: StoreKey, kv: PassageKV) -> object:
        """Take a copy of the value if it is worth its place."""
        ...

    def holds(self, key: StoreKey) -> bool:
        """Whether the value seems to be here; False where that cannot be said."""
        ...

    def counts(self) -> TierCounts:
        """What it did, and what it holds."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
