"""The legs: which can be built and asked with their default models."""

from __future__ import annotations

from collections.abc import Iterator

from skerry.core.errors import SkerryError
from skerry.core.models.store import ModelStore
from skerry.services.doctor.base import Finding


def check_legs(store: ModelStore) -> Iterator[Finding]:
    """Look for each leg's code and its model."""
    from skerry.retrieval.index.configure import configured_leg
    from skerry.retrieval.index.leg import LEGS

    for leg in LEGS:
        name = f"leg {leg}"
        try:
            wanted = configured_leg(leg, {}).model()
            model = None if wanted is None else store.resolve(wanted)
        except (ImportError, OSError) as error:
            yield Finding("legs", name, "wrong", f"cannot be loaded: {error}", "Install Skerry again.")
        except SkerryError as error:
            yield Finding("legs", name, "absent", error.message, error.hint)
        else:
            yield Finding("legs", name, "ok", "needs no model" if model is None else f"with {model.name}")
