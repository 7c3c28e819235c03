"""The language model of a SEAL leg with its adapter: loaded once, shared by all indexes that use it."""

from __future__ import annotations

import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from skerry.core.models.store import Model

if TYPE_CHECKING:
    from skerry.retrieval.seal.language_model.base import LanguageModel


ADAPTERS = ("shipped", "none")
"""What a leg's parameter `adapter` may say instead of a folder."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter's folder, and the digest of its weights."""

    folder: Path
    weights_sha256: str


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


def chosen_adapter(choice: str, model: Model) -> Adapter | None:
    """The adapter that a leg's parameter `adapter` stands for on this model, or None for the model as it is.

    "shipped" is the one that comes with Skerry, where this is a copy of the model it was trained on; "none"
    is none; anything else is a folder.

    Raises:
        NotFound: no adapter in that folder.
        IndexCorrupt: a damaged one, or one of another base model; names both.
    """
    from skerry.retrieval.seal import adapter

    if choice == "none":
        return None
    if choice == "shipped":
        if not (adapter.SHIPPED / adapter.CONFIG).is_file():
            return None
        config = adapter.load_config(adapter.SHIPPED)
        if not config.is_of(model) and model.name != config.base_model:
            return None
        return Adapter(adapter.SHIPPED, config.weights_sha256)
    folder = Path(choice).expanduser()
    config = adapter.load_config(folder)
    adapter.check_base(folder, config, model)
    return Adapter(folder, config.weights_sha256)
