"""The native bit vector in files: written whole, opened as a memory map, damage named with its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skerry.core.errors import IndexCorrupt
from skerry.core.files import atomic_writer, naming_full_disk
from skerry.kernels._native import BitVector, DamagedSection

__all__ = ["BitVector", "open_bit_vector", "write_bit_vector"]


def write_bit_vector(path: Path, vector: BitVector) -> None:
    """Write one vector's section as a file, durably. Raises `BackendUnavailable` when the disk fails."""
    with naming_full_disk(path.parent), atomic_writer(path) as file:
        file.write(vector.section().data)


def open_bit_vector(
    path: Path, *, offset: int = 0, length: int | None = None, verify: bool = True
) -> BitVector:
    """The vector in bytes [offset, offset + length) of a file, memory-mapped.

    Args:
        path: the file.
        offset: where the section starts, a multiple of 64.
        length: its bytes; None for the rest of the file.
        verify: check every byte now; False checks the header and the sizes only.

    Raises:
        IndexCorrupt: the file is missing, too short, or damaged.
    """
    try:
        data = np.memmap(path, dtype=np.uint8, mode="r")
    except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
        raise IndexCorrupt(f"The bit vector {path} cannot be read: {error}.", hint=_HINT) from error
    end = len(data) if length is None else offset + length
    if offset < 0 or offset % 64 or not offset <= end <= len(data):
        raise IndexCorrupt(
            f"The bit vector {path} has no section at bytes [{offset}, {end}) of {len(data)}.", hint=_HINT
        )
    try:
        return BitVector.from_section(np.asarray(data[offset:end]), verify=verify)
    except DamagedSection as error:
        raise IndexCorrupt(
            f"The bit vector {path} (from byte {offset}) is damaged: {error}.",
            hint=_HINT,
            details={"path": str(path)},
        ) from error


_HINT = "Build the index again."
