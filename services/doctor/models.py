"""The models: which are here; the encoder and the generator are needed for the default chain."""

from __future__ import annotations

from collections.abc import Iterator

from skerry.core.models.store import ModelStore
from skerry.services.doctor.base import Finding, State

_NEEDED_KINDS = ("encoder", "generator")


def check_models(store: ModelStore) -> Iterator[Finding]:
    """Look at the sizes of the files of every model that is known."""
    for status in store.list():
        state: State = "ok" if status.state == "present" else "wrong"
        if status.state == "absent" and status.kind not in _NEEDED_KINDS:
            state = "absent"
        fix = {
            "present": "",
            "absent": f"skerry models pull {status.name}",
            "damaged": f"skerry models pull {status.name} --force",
        }[status.state]
        found = f"{status.kind} at {status.folder}" if status.state == "present" else status.state
        yield Finding("models", status.name, state, status.problem or found, fix)
