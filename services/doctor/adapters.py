"""The adapter that comes with Skerry: SEAL puts it on one copy of one model and leaves others as they are."""

from __future__ import annotations

from collections.abc import Iterator

from skerry.core.errors import IndexCorrupt, SkerryError
from skerry.core.models.store import ModelStore
from skerry.services.doctor.base import Finding

_NAME = "SEAL's adapter"


def check_adapters(store: ModelStore) -> Iterator[Finding]:
    """Compare the model that the shipped adapter belongs to with the one that is here."""
    from skerry.retrieval.seal import adapter
    from skerry.retrieval.seal.speaker import chosen_adapter

    if not (adapter.SHIPPED / adapter.CONFIG).is_file():
        return
    try:
        base = adapter.load_config(adapter.SHIPPED).base_model
    except IndexCorrupt as error:
        yield Finding("models", _NAME, "wrong", error.message, "Install Skerry again.")
        return
    try:
        model = store.resolve(base)
    except SkerryError as error:
        yield Finding("models", _NAME, "absent", error.message, f"skerry models pull {base}")
        return
    if chosen_adapter("shipped", model) is None:
        yield Finding(
            "models",
            _NAME,
            "absent",
            f"is for another copy of {base} than {model.folder} holds: SEAL asks that one without it",
            f"skerry models pull {base} --from registry --force",
        )
        return
    yield Finding("models", _NAME, "ok", f"for {base}")
