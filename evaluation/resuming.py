"""What files of a run that can be gone on with have in common: one writer, and settings that they keep to."""

from __future__ import annotations

import fcntl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skerry.core.errors import AlreadyExists


def lock_for_writing(file: int, path: Path) -> None:
    """Lock the open `file` (its number) against other runs, until it is closed.

    Raises:
        AlreadyExists: another process is writing `path`.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise AlreadyExists(
            f"Another run is writing {path}.", hint="Wait for it, or choose another --out."
        ) from error


def difference(found: object, wanted: Mapping[str, Any]) -> str:
    """What differs between the settings that were found and those that are wanted, in words."""
    if not isinstance(found, dict):
        return "they cannot be read"
    names = [name for name in {**found, **wanted} if found.get(name) != wanted.get(name)]
    return (
        "; ".join(f"{name} was {found.get(name)!r}, now {wanted.get(name)!r}" for name in names) or "format"
    )
