"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from skerry.core.models.store import ModelStore

_REPOSITORY = Path(__file__).resolve().parent.parent
_NEEDED = ("SmolLM2-135M-Instruct", "all-MiniLM-L6-v2")


@pytest.fixture(scope="session")
def models() -> ModelStore:
    """The user's own model store with the encoder and the generator in it, or a skip that says why."""
    store = ModelStore()
    present = {status.name for status in store.list() if status.state == "present"}
    missing = [name for name in _NEEDED if name not in present]
    if missing:
        pytest.skip(
            f"{', '.join(missing)} not in {store.folder}: run `skerry models pull {' '.join(missing)}`"
        )
    return store


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real question sets (`$SKERRY_SHARED_DATA`, else `shared/data` beside the repository)."""
    chosen = os.environ.get("SKERRY_SHARED_DATA")
    folder = Path(chosen) if chosen else _REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the question sets are not at {folder}; set SKERRY_SHARED_DATA")
    return folder


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return _REPOSITORY
