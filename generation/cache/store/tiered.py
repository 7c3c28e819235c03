"""The store: memory, then Redis, then the disk, each of which may be missing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType

from skerry.generation.cache.passage_kv import Found, PassageKV, StoreKey
from skerry.generation.cache.store.base import StoreTier
from skerry.generation.cache.store.blocks import copied
from skerry.generation.cache.store.counts import StoreCounts
from skerry.generation.cache.store.format import check
from skerry.generation.cache.store.memory import MemoryTier

WAITING_BYTES = 64 * 1024 * 1024
"""What may wait to be written; what comes then is dropped, and computed again when it is asked for."""


class TieredStore:
    """Asks the tiers in order, and offers what one has to those before it.

    A new value is offered to all of them; what memory lets go is offered to those that no longer have it.
    One thread makes the offers to Redis and the disk, in order, so that no answer waits for them.

    Args:
        memory: the first tier, or None.
        slow: the others, in the order in which they are asked.
    """

    def __init__(self, memory: MemoryTier | None, slow: Sequence[StoreTier]) -> None:
        self._memory = memory
        self._slow = tuple(slow)
        self._tiers: tuple[StoreTier, ...] = (*([memory] if memory else []), *slow)
        self._lock = threading.Lock()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="kv-store")
        self._writes: set[Future[None]] = set()
        self._waiting = self._asked = self._missed = self._dropped = 0
        self._closed = False

    def __enter__(self) -> TieredStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get_many(self, keys: Sequence[StoreKey]) -> list[Found | None]:
        """What is kept under each name; see `PassageKVStore`."""
        for tier in self._tiers:
            tier.asked(keys)
        found: dict[StoreKey, Found] = {}
        for number, tier in enumerate(self._tiers):
            missing = [key for key in dict.fromkeys(keys) if key not in found]
            if not missing:
                break
            for key, kv in zip(missing, tier.get_many(missing), strict=True):
                if kv is not None:
                    found[key] = Found(kv, tier.name)
                    if number:
                        self._later(partial(self._promote, key, kv, number), kv.nbytes)
        with self._lock:
            self._asked += len(keys)
            self._missed += sum(key not in found for key in keys)
        return [found.get(key) for key in keys]

    def put_many(self, items: Sequence[tuple[StoreKey, PassageKV]]) -> None:
        """Offer values; see `PassageKVStore`.

        Raises:
            InvalidInput: tensors or sentence ends that do not fit each other; then nothing is kept.
        """
        for _, kv in items:
            check(kv)
        for key, kv in items:
            if not self._slow:
                self._keep(key, kv)
                continue
            # One copy for all tiers: what waits to be written is not held twice.
            own = copied(kv)
            self._keep(key, own, owned=True)
            self._later(partial(self._write, key, own), kv.nbytes)

    def counts(self) -> StoreCounts:
        """What happened since the store was opened."""
        tiers = tuple(tier.counts() for tier in self._tiers)
        with self._lock:
            return StoreCounts(self._asked, self._missed, self._dropped, tiers)

    def flush(self) -> None:
        """Wait until what waits has been written."""
        while True:
            with self._lock:
                waiting = list(self._writes)
            if not waiting:
                return
            for write in waiting:
                write.result()

    def close(self) -> None:
        """Write what waits and let go of connections and memory. Nothing is kept of what comes later."""
        with self._lock:
            self._closed = True
        self._writer.shutdown()
        for tier in self._tiers:
            tier.close()

    def _keep(self, key: StoreKey, kv: PassageKV, *, owned: bool = False) -> None:
        """Offer a value to memory, and what left for it to the others."""
        if self._memory is None:
            return
        for left_key, left in self._memory.offer(key, kv, owned=owned):
            self._later(partial(self._demote, left_key, left), left.nbytes)

    def _promote(self, key: StoreKey, kv: PassageKV, number: int) -> None:
        """Offer what tier `number` had to those before it."""
        self._keep(key, kv)
        for tier in self._tiers[:number]:
            if tier is not self._memory:
                tier.offer(key, kv)

    def _write(self, key: StoreKey, kv: PassageKV) -> None:
        for tier in self._slow:
            tier.offer(key, kv)

    def _demote(self, key: StoreKey, kv: PassageKV) -> None:
        for tier in self._slow:
            if not tier.holds(key):
                tier.offer(key, kv)

    def _later(self, work: Callable[[], None], nbytes: int) -> None:
        """Have the writer do it, unless too much waits; a value alone may be of any size."""
        if not self._slow:
            return
        with self._lock:
            if self._closed:
                return
            if self._waiting and self._waiting + nbytes > WAITING_BYTES:
                self._dropped += 1
                return
            self._waiting += nbytes
            write = self._writer.submit(work)
            self._writes.add(write)
        write.add_done_callback(lambda done: self._done(done, nbytes))

    def _done(self, write: Future[None], nbytes: int) -> None:
        with self._lock:
            self._waiting -= nbytes
            self._writes.discard(write)
        # A fault of ours is not to pass in silence: what a callback raises is logged.
        write.result()
