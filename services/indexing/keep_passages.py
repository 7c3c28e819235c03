"""Reads all passages of an index before anyone asks, and keeps their keys and values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.core.models.store import ModelStore
from skerry.core.progress import Progress
from skerry.generation.base import Source
from skerry.generation.cache.store.open import open_store
from skerry.generation.cache.store.tiered import TieredStore
from skerry.generation.engine import TransformersGenerator
from skerry.retrieval.index.reader import Index
from skerry.services.config import GenerationSettings

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of an index's passages.

    Attributes:
        passages: of the index.
        read: passages that had to be read.
        looked_at: passages that are kept, or were offered; fewer than all where the store was full.
    """

    passages: int
    read: int
    looked_at: int


@contextmanager
def lasting_store(settings: GenerationSettings) -> Iterator[TieredStore]:
    """The store of the settings, without its memory, which ends with the process.

    Raises:
        InvalidInput: neither Redis nor a folder is set.
        BackendUnavailable: one of them cannot be used.
    """
    store = open_store(replace(settings.cache, memory_bytes=0))
    if store is None:
        raise InvalidInput(
            "There is no place to keep passages' keys and values in.",
            hint="Set generation.cache.disk_folder (SKERRY_GENERATION_CACHE_DISK_FOLDER=DIR) or redis_url.",
            details={"field": "generation.cache.disk_folder"},
        )
    with store:
        yield store


def keep_passages(
    folder: Path, settings: GenerationSettings, store: TieredStore, models: ModelStore, progress: Progress
) -> Kept:
    """Read what is not kept yet of the version in use; started again after a kill, it goes on.

    It ends early where a tier takes no more.

    Raises:
        NotFound, IndexCorrupt: of the index or the generator's model.
        BackendUnavailable: the model's keys cannot be kept.
    """
    model = models.resolve(settings.model)
    generator = TransformersGenerator(
        model, settings.dtype, settings.threads or None, store, settings.context()
    )
    read = looked_at = 0
    with Index.open(folder, models=models) as index:
        count = len(index.passages)
        with progress.task("keys and values", count, "passages") as task:
            for start in range(0, count, _AT_ONCE):
                passages = index.passages.get_many(range(start, min(start + _AT_ONCE, count)))
                sources = [Source(passage.id, passage.title, passage.text) for passage in passages]
                read += generator.prepare(sources, Deadline(None))
                store.flush()
                looked_at += len(sources)
                task.advance(len(sources))
                if any(tier.refused for tier in store.counts().tiers):
                    break
    return Kept(count, read, looked_at)
