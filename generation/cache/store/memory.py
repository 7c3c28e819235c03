"""The first tier: tensors in this process's memory, ready to be spliced."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from skerry.generation.cache.passage_kv import PassageKV, StoreKey, Tier
from skerry.generation.cache.store.blocks import copied, taken
from skerry.generation.cache.store.counts import Tally, TierCounts
from skerry.generation.cache.store.format import stored_digest
from skerry.generation.cache.store.ledger import Ledger


class MemoryTier:
    """Copies of the values that were offered, within a budget of bytes.

    Args:
        budget: most bytes of tensors.
    """

    name: Tier = "memory"

    def __init__(self, budget: int) -> None:
        self._lock = threading.Lock()
        self._ledger = Ledger(budget)
        self._values: dict[bytes, tuple[StoreKey, PassageKV]] = {}
        self._tally = Tally()

    def asked(self, keys: Sequence[StoreKey]) -> None:
        """Count the requests."""
        with self._lock:
            self._ledger.asked([_digest(key) for key in keys])

    def get_many(self, keys: Sequence[StoreKey]) -> list[PassageKV | None]:
        """The very tensors that are kept."""
        found: list[PassageKV | None] = []
        with self._lock:
            for key in keys:
                entry = self._values.get(_digest(key))
                found.append(entry[1] if entry else None)
                self._tally.counts["hits"] += entry is not None
        return found

    def offer(
        self, key: StoreKey, kv: PassageKV, *, owned: bool = False
    ) -> Sequence[tuple[StoreKey, PassageKV]]:
        """Keep the value if it is worth its place. Returns what left for it.

        Args:
            owned: whether the tensors are the store's own, in a block by themselves; others are copied.
        """
        digest = _digest(key)
        with self._lock:
            if digest in self._ledger:
                return ()
            verdict = self._ledger.offer(digest, taken(kv.nbytes))
            left = [self._values.pop(leaving) for leaving in verdict.leaving if leaving in self._values]
            self._tally.counts["stored" if verdict.taken else "refused"] += 1
            self._tally.counts["evicted"] += len(verdict.leaving)
        if verdict.taken:
            own = kv if owned else copied(kv)
            with self._lock:
                # Another value may have displaced it while it was copied.
                if digest in self._ledger:
                    self._values[digest] = key, own
        return left

    def holds(self, key: StoreKey) -> bool:
        """Whether the value is here."""
        with self._lock:
            return _digest(key) in self._values

    def counts(self) -> TierCounts:
        """What it did, and what it holds."""
        with self._lock:
            ledger = self._ledger
            return self._tally.snapshot(self.name, ledger.budget, len(ledger), ledger.nbytes)

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._ledger = Ledger(self._ledger.budget)
            self._values.clear()


def _digest(key: StoreKey) -> bytes:
    return stored_digest(key, "same")
