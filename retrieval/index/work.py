"""Pieces of a build that are finished or absent: a folder with a list of its files, renamed into place."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from skerry.core.failpoints import failpoint
from skerry.core.files import fsync_directory, fsync_tree, sha256_file
from skerry.retrieval.index.manifest import FileEntry, canonical_json

_DONE = "done.json"
_DATA = "data"
_PARTIAL = ".part-"


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished piece: where its files are, what they are, and what its maker noted.

    Attributes:
        data: folder of the files.
        files: by path relative to `data`.
        facts: JSON values.
    """

    data: Path
    files: Mapping[str, FileEntry]
    facts: Mapping[str, Any]


@contextmanager
def finishing(target: Path, facts: dict[str, Any]) -> Iterator[Path]:
    """A folder to write into, which becomes the piece `target` at the end of the block, durably.

    `facts` may be filled in the block. Where `target` was finished by someone else meanwhile, theirs stays.
    """
    partial = target.with_name(f"{_PARTIAL}{target.name}-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    data = partial / _DATA
    data.mkdir(parents=True)
    try:
        yield data
        failpoint("piece.written")
        files = describe_files(data)
        body = {"files": {name: asdict(entry) for name, entry in files.items()}, "facts": facts}
        checksum = hashlib.sha256(canonical_json(body)).hexdigest()
        (partial / _DONE).write_bytes(canonical_json({**body, "checksum": checksum}))
        fsync_tree(partial)
        failpoint("piece.before_rename")
        if not target.exists():
            _rename(partial, target)
            fsync_directory(target.parent)
        failpoint("piece.after_rename")
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _rename(partial: Path, target: Path) -> None:
    try:
        partial.rename(target)
    except OSError as error:
        # A worker of a killed build may live a moment longer and finish the same piece just now.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def finished(target: Path, *, full: bool = True) -> Finished | None:
    """The piece `target` when it is finished and, if `full`, every byte of it is as written; else None."""
    try:
        body = json.loads((target / _DONE).read_bytes())
        checksum = body.pop("checksum")
        if hashlib.sha256(canonical_json(body)).hexdigest() != checksum:
            return None
        files = {name: FileEntry(**entry) for name, entry in body["files"].items()}
        if full and describe_files(target / _DATA) != files:
            return None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return Finished(target / _DATA, files, body["facts"])


def piece_data(target: Path) -> Path:
    """Where the files of the piece `target` lie, finished or not."""
    return target / _DATA


def finished_names(folder: Path) -> list[str]:
    """Names of the finished pieces in `folder`, unchecked."""
    return sorted(entry.name for entry in folder.glob("[!.]*") if (entry / _DONE).is_file())


def sweep(folder: Path) -> None:
    """Delete what killed workers left half done in `folder`."""
    for partial in folder.glob(f"{_PARTIAL}*"):
        shutil.rmtree(partial, ignore_errors=True)


def describe_files(folder: Path) -> dict[str, FileEntry]:
    """Size and checksum of every file below `folder`, by relative path, sorted."""
    files = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent) / name
            files[path.relative_to(folder).as_posix()] = FileEntry(path.stat().st_size, sha256_file(path))
    return dict(sorted(files.items()))
