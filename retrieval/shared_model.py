"""A model that generates for a leg: loaded once, shared by open indexes, one thread at work."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
M = TypeVar("M")


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class SharedModel(Generic[M]):
    """A loaded model, the lock that is held while it works, and the thread in which it does.

    One caller at a time: more would take turns on the processors, each with a cache of its own in memory. And
    in one thread, the one that loaded it: each that computes keeps freed memory and helping threads of its
    own, and where there are more helpers than processors OpenMP lets them sleep between any two products,
    which doubles the time of a step.
    """

    model: M
    thread: ThreadPoolExecutor
    turn: threading.Lock = field(default_factory=threading.Lock)


class SharedModels(Generic[K, M]):
    """Loaded models by what they were loaded from; each goes when nobody holds it any more.

    Args:
        name: of their threads.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._loaded: weakref.WeakValueDictionary[K, SharedModel[M]] = weakref.WeakValueDictionary()
        self._loading = threading.Lock()

    def get(self, key: K, load: Callable[[], M]) -> SharedModel[M]:
        """The model of `key`, loaded by `load` unless someone holds it."""
        with self._loading:
            found = self._loaded.get(key)
            if found is None:
                thread = ThreadPoolExecutor(1, self._name)
                found = SharedModel(thread.submit(load).result(), thread)
                self._loaded[key] = found
            return found
