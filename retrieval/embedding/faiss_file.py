"""A faiss index as one file: written whole, opened as a memory map that processes share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skerry.core.errors import BackendUnavailable, IndexCorrupt
from skerry.retrieval.embedding.faiss_library import faiss


def write(index: Any, path: Path, flags: int = 0) -> None:
    """Write a faiss index; `flags` are faiss's own (`IO_FLAG_SKIP_STORAGE`: a graph without its vectors).

    Raises:
        BackendUnavailable: the disk fails.
    """
    try:
        faiss.write_index(index, str(path), flags)
    except RuntimeError as error:
        raise BackendUnavailable(
            f"Writing {path} failed: {_reason(error)}.",
            hint="Free space or choose another folder, then run the same command again: it resumes.",
            details={"path": str(path)},
        ) from error


def read(path: Path, *kinds: type) -> Any:
    """The index in a file, mapped, not read.

    Args:
        path: the file.
        kinds: the faiss classes that it may be of.

    Raises:
        IndexCorrupt: a file that faiss cannot read, or an index of another class.
    """
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise damaged(path, _reason(error)) from error
    if not isinstance(index, kinds):
        raise damaged(
            path, f"it is a {type(index).__name__}, not {' or '.join(kind.__name__ for kind in kinds)}"
        )
    return index


def damaged(path: Path, why: str) -> IndexCorrupt:
    """What is raised about a file of vectors that cannot be used."""
    return IndexCorrupt(
        f"The vector index {path} cannot be used: {why}.",
        hint="Run `skerry index verify`, or build the index again.",
        details={"path": str(path)},
    )


def _reason(error: RuntimeError) -> str:
    return str(error).strip().splitlines()[-1]
