"""The language model of a SEAL leg with its adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from skerry.core.models.adapter_files import Adapter
from skerry.core.models.store import Model
from skerry.retrieval.shared_model import SharedModel, SharedModels

if TYPE_CHECKING:
    from skerry.retrieval.seal.language_model.base import LanguageModel

Speaker: TypeAlias = SharedModel["LanguageModel"]

_speakers: SharedModels[tuple[Model, Adapter | None, str], LanguageModel] = SharedModels("language-model")


def speaker(model: Model, adapter: Adapter | None, dtype: str) -> Speaker:
    """The model with the adapter added to its weights; the same object for as long as anyone holds it."""

    def load() -> LanguageModel:
        from skerry.retrieval.seal import language_model

        return language_model.load(model, None if adapter is None else adapter.folder, dtype=dtype)

    return _speakers.get((model, adapter, dtype), load)
