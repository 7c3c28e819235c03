"""One build at a time in one folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skerry.core.errors import AlreadyExists

LOCK = ".build.lock"


@contextmanager
def build_lock(folder: Path) -> Iterator[None]:
    """Hold the build lock of the index in `folder`; it falls with the process, however that ends.

    Raises:
        AlreadyExists: another process builds there; names its id.
    """
    path = folder / LOCK
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise AlreadyExists(
                f"The process {holder} is building the index {folder} already.",
                hint="Wait until it has finished, or end it and run this again: it resumes.",
                details={"index": str(folder), "pid": holder},
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)
