"""The adapters that come with Skerry: whether their models are here, in the copies they were trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from skerry.core.errors import IndexCorrupt, SkerryError
from skerry.core.models.adapter_files import CONFIG, BaseConfig
from skerry.core.models.store import ModelStore
from skerry.services.doctor.base import Finding


def check_adapters(store: ModelStore) -> Iterator[Finding]:
    """Compare the models that the shipped adapters belong to with those that are here."""
    from skerry.retrieval.embedding import adapter as embedding
    from skerry.retrieval.seal import adapter as seal

    yield from _check("adapter of seal", seal.load_config, seal.SHIPPED, store)
    yield from _check("adapter of dense", embedding.load_config, embedding.SHIPPED, store)


def _check(
    name: str, load_config: Callable[[Path], BaseConfig], shipped: Path, store: ModelStore
) -> Iterator[Finding]:
    if not (shipped / CONFIG).is_file():
        return
    try:
        config = load_config(shipped)
    except IndexCorrupt as error:
        yield Finding("models", name, "wrong", error.message, "Install Skerry again.")
        return
    base = config.base_model
    try:
        model = store.resolve(base)
    except SkerryError as error:
        yield Finding("models", name, "absent", error.message, f"skerry models pull {base}")
        return
    same = config.is_of(model)
    told = "" if same else ", trained on another copy of it than is here: a little less good"
    fix = "" if same else f"skerry models pull {base} --from registry --force"
    yield Finding("models", name, "ok", f"for {base}{told}", fix)
