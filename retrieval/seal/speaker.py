"""The language model of a SEAL leg with its adapter: loaded once, shared by all indexes that use it."""

from __future__ import annotations

import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from skerry.core.models.adapter_files import Adapter
from skerry.core.models.store import Model

if TYPE_CHECKING:
    from skerry.retrieval.seal.language_model.base import LanguageModel


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Speaker:
    """A loaded language model, the lock that is held while it speaks, and the thread in which it does.

    One caller at a time: more would take turns on the processors, each with a cache of its own in memory. And
    in one thread, the one that loaded it: each that computes keeps freed memory and helping threads of its
    own, and where there are more helpers than processors OpenMP lets them sleep between any two products,
    which doubles the time of a step.
    """

    language_model: LanguageModel
    thread: ThreadPoolExecutor
    turn: threading.Lock = field(default_factory=threading.Lock)


_speakers: weakref.WeakValueDictionary[tuple[Model, Adapter | None, str], Speaker] = (
    weakref.WeakValueDictionary()
)
_loading = threading.Lock()


def speaker(model: Model, adapter: Adapter | None, dtype: str) -> Speaker:
    """The model with the adapter added to its weights; the same object for as long as anyone holds it."""
    with _loading:
        key = (model, adapter, dtype)
        found = _speakers.get(key)
        if found is None:
            from skerry.retrieval.seal.language_model import load

            thread = ThreadPoolExecutor(1, "language-model")
            folder = None if adapter is None else adapter.folder
            found = Speaker(thread.submit(load, model, folder, dtype=dtype).result(), thread)
            _speakers[key] = found
        return found
