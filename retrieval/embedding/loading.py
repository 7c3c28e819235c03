"""The sentence encoder of a leg with its adapter, kept for whoever loads the same one next."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from skerry.core.errors import IndexCorrupt
from skerry.core.importing import import_whole
from skerry.core.models.adapter_files import Adapter
from skerry.core.models.store import Model

if TYPE_CHECKING:
    from skerry.retrieval.embedding.encoder import SentenceEncoder


@dataclass(frozen=True, slots=True)
class Size:
    """Of an encoder: its layers, and the length of its vectors."""

    layers: int
    dimensions: int


def size_of(model: Model) -> Size:
    """Read from the model's config.json alone. Raises `IndexCorrupt` where that cannot be read."""
    import_whole("transformers")
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(model.folder, local_files_only=True)
        return Size(int(config.num_hidden_layers), int(config.hidden_size))
    except (OSError, ValueError, AttributeError) as error:
        raise IndexCorrupt(
            f"The model in {model.folder} cannot be loaded: {error}.",
            hint=f"Fetch it again with `skerry models pull {model.name}`.",
            details={"model": model.name, "path": str(model.folder)},
        ) from error


@lru_cache(maxsize=1)
def load_encoder(
    model: Model, adapter: Adapter | None, dtype: str, threads: int | None = None
) -> SentenceEncoder:
    """Kept for the next shard of the same build, or for the next index that is opened with this model.

    Raises:
        InvalidInput: an unknown dtype.
        IndexCorrupt: a model or an adapter that cannot be loaded, or that do not fit each other.
    """
    import_whole("transformers")
    from skerry.retrieval.embedding import adapter as adapters
    from skerry.retrieval.embedding.encoder import SentenceEncoder

    factors = None if adapter is None else adapters.load(adapter.folder)[1]
    return SentenceEncoder(model, dtype, threads, adapter=factors)
