"""The FM-index as one file: written whole, opened as a memory map that processes share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from skerry.core.errors import IndexCorrupt
from skerry.core.files import atomic_writer, naming_full_disk
from skerry.kernels.fm_index import LOCATE_EVERY, FmIndex, build_image

__all__ = ["LOCATE_EVERY", "FmIndex", "build", "open"]

_HINT = "Build the index again."


def build(
    path: Path, tokens: ArrayLike, lengths: ArrayLike, alphabet: int, *, locate_every: int = LOCATE_EVERY
) -> None:
    """Write the index of passages as one file, durably: all of it or nothing.

    Args:
        path: the file.
        tokens: of all passages, one passage after another, shape (N,).
        lengths: tokens of each passage, shape (passages,).
        alphabet: tokens are below it.
        locate_every: of which text positions the row is stored: fewer are less bytes and longer walks.

    Raises:
        InvalidInput: tokens or lengths that cannot be.
        BackendUnavailable: the disk fails.
    """
    image = build_image(tokens, lengths, alphabet, locate_every=locate_every)
    with naming_full_disk(path.parent), atomic_writer(path) as file:
        file.write(image.data)


def open(  # noqa: A001
    path: Path, *, verify: bool = False, threads: int | None = None
) -> FmIndex:
    """The index in a file, memory-mapped; without `verify` opened in some milliseconds whatever its size.

    Args:
        path: the file.
        verify: check every byte now. Otherwise the header, the sizes and the codes are checked.
        threads: of its batched calls; None for as many as this process may use.

    Raises:
        IndexCorrupt: the file is missing, too short, of another version, or damaged.
    """
    try:
        data = np.memmap(path, dtype=np.uint8, mode="r")
    except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
        raise IndexCorrupt(
            f"The FM-index {path} cannot be read: {error}.", hint=_HINT, details={"path": os.fspath(path)}
        ) from error
    return FmIndex(np.asarray(data), verify=verify, threads=threads, source=os.fspath(path))
