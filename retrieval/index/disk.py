"""Writes that fail because of the disk become one clear error, also from an engine in C++ or Rust."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skerry.core.errors import BackendUnavailable

_CODES = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM}
)


@contextmanager
def disk_errors(where: Path) -> Iterator[None]:
    """Raise `BackendUnavailable` that names `where` for an error that only the disk can have caused.

    Other errors pass as they are: a missing source file is no full disk.
    """
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        reason = _reason(error)
        if reason is None:
            raise
        raise BackendUnavailable(
            f"Writing under {where} failed: {reason}.",
            hint="Free space or choose another folder, then run the same command again: it resumes.",
            details={"path": str(where)},
        ) from error


def link_or_copy(source: Path, target: Path) -> None:
    """Give an immutable file a second name; a copy where the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EXDEV, errno.EMLINK):
            raise
        shutil.copyfile(source, target)


def _reason(error: Exception) -> str | None:
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno) if error.errno in _CODES else None
    text = str(error)
    names = {code: os.strerror(code) for code in _CODES}
    return next((name for code, name in names.items() if name in text or f"os error {code})" in text), None)
