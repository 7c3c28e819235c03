"""One process at a time: a lock that the operating system frees when its holder dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skerry.core.files import naming_full_disk
from skerry.core.progress import Progress


@contextmanager
def exclusive(path: Path, waiting_for: str, progress: Progress) -> Iterator[None]:
    """Hold the lock file `path`; while another process has it, wait and say so."""
    with naming_full_disk(path.parent):
        opened = path.open("ab")
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with progress.task(f"{waiting_for}: waiting for another process"):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield
