"""The adapter that comes with Skerry: whether its model is here, and in the copy that it was trained on."""

from __future__ import annotations

from collections.abc import Iterator

from skerry.core.errors import IndexCorrupt, SkerryError
from skerry.core.models.store import ModelStore
from skerry.services.doctor.base import Finding

_NAME = "SEAL's adapter"


def check_adapters(store: ModelStore) -> Iterator[Finding]:
    """Compare the model that the shipped adapter belongs to with the one that is here."""
    from skerry.retrieval.seal import adapter

    if not (adapter.SHIPPED / adapter.CONFIG).is_file():
        return
    try:
        config = adapter.load_config(adapter.SHIPPED)
        base = config.base_model
    except IndexCorrupt as error:
        yield Finding("models", _NAME, "wrong", error.message, "Install Skerry again.")
        return
    try:
        model = store.resolve(base)
    except SkerryError as error:
        yield Finding("models", _NAME, "absent", error.message, f"skerry models pull {base}")
        return
    same = config.is_of(model)
    told = "" if same else ", trained on another copy of it than is here: a little less good"
    fix = "" if same else f"skerry models pull {base} --from registry --force"
    yield Finding("models", _NAME, "ok", f"for {base}{told}", fix)
