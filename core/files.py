"""Files that are either whole or absent: durable writes, checksums, directory publication."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from skerry.core.errors import BackendUnavailable
from skerry.core.failpoints import failpoint


def fsync_directory(path: Path) -> None:
    """Make the names inside `path` durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_tree(path: Path) -> None:
    """Make every file and folder below `path` durable."""
    for folder, _, names in os.walk(path):
        for name in names:
            with (Path(folder) / name).open("rb") as file:
                os.fsync(file.fileno())
        fsync_directory(Path(folder))


@contextmanager
def atomic_writer(path: Path) -> Iterator[BinaryIO]:
    """Write `path` so that readers see the old bytes or all the new ones, also after a crash."""
    partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        failpoint(f"atomic_writer.before_rename:{path.name}")
        partial.replace(path)
        fsync_directory(path.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, data: bytes) -> None:
    """`atomic_writer` for bytes that are at hand."""
    with atomic_writer(path) as file:
        file.write(data)


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def naming_full_disk(where: Path) -> Iterator[None]:
    """Turn an `OSError` from a write into a `BackendUnavailable` that names the folder and what to do."""
    try:
        yield
    except OSError as error:
        raise BackendUnavailable(
            f"Writing under {where} failed: {error.strerror or error}.",
            hint="Free space or choose another folder, then run the same command again: it resumes.",
            details={"path": str(where), "errno": str(error.errno)},
        ) from error
