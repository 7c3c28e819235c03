"""What a memory of pages belongs to, and how it lies on disk; read without loading any model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skerry.core.errors import IndexCorrupt, NotFound
from skerry.core.models.trained_files import BaseConfig, TrainedFiles

if TYPE_CHECKING:
    from skerry.core.models.store import Model

WEIGHTS = "memory.safetensors"


@dataclass(frozen=True, slots=True)
class MemoryConfig(BaseConfig):
    """What a memory belongs to, the encoder of its passages, and its sizes."""

    slots: int
    pages: int
    width: int

    def __post_init__(self) -> None:
        sizes = (self.slots, self.pages, self.width)
        if not all(isinstance(size, int) and size > 0 for size in sizes):
            raise ValueError("slots, pages and width are not all whole numbers above 0")


FILES = TrainedFiles("page memory", WEIGHTS, MemoryConfig, "Build the index again.")


def checked_memory(folder: Path, base: Model, pages: int) -> MemoryConfig:
    """What the memory in `folder`, of so many pages in `base`'s vectors, belongs to.

    Raises:
        IndexCorrupt: there is none, it is damaged, or of other pages or another encoder.
    """
    try:
        config = FILES.load_config(folder)
    except NotFound as error:
        raise IndexCorrupt(
            f"There is no page memory in {folder}, which the index's corpusbrain.memory says it has.",
            hint="It may have been built before there was any. Build it again.",
            details={"path": str(folder)},
        ) from error
    config.check_base(
        base,
        made=f"The page memory in {folder} was made with",
        hint="Build the index again.",
    )
    if config.pages != pages:
        raise IndexCorrupt(
            f"The page memory in {folder} has {config.pages} pages, the passage store {pages}.",
            hint="Build the index again.",
            details={"path": str(folder)},
        )
    return config
