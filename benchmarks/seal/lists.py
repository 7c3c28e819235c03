"""Ranked lists by question, on disk: appended to in batches, durable; a run that was killed goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np

from skerry.core.errors import InvalidInput
from skerry.core.files import naming_full_disk
from skerry.evaluation.resuming import difference, lock_for_writing
from skerry.retrieval.fusion import LegList

_FORMAT = 1

Lists = Mapping[str, LegList]
"""By the way they were scored."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one system found for one question: lists by scoring."""

    question: str
    system: str
    lists: Lists


@dataclass(slots=True)
class ListStore:
    """Lists in memory, and in a file where there is one. A context manager.

    The file's first line says what all its lists depend on; every other line is a `Found`. Of lines for the
    same question and system the last one counts.
    """

    found: dict[tuple[str, str], Lists] = field(default_factory=dict)
    _file: BinaryIO | None = None

    @classmethod
    def open(cls, path: Path | None, settings: Mapping[str, Any]) -> Self:
        """Open or create the file, and drop what a crash left half written; None keeps all in memory only.

        Args:
            path: the file.
            settings: JSON values that all lists depend on.

        Raises:
            InvalidInput: a file of other settings, or of something else.
            AlreadyExists: another process is writing it.
            BackendUnavailable: it cannot be written.
        """
        if path is None:
            return cls()
        with naming_full_disk(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            store = cls(_file=path.open("a+b"))
        try:
            store._take_up(path, {"format": _FORMAT, **settings})
        except BaseException:
            store.close()
            raise
        return store

    def has(self, question: str, system: str, names: Iterable[str]) -> bool:
        """Whether the system's lists of these names are there."""
        lists = self.found.get((question, system))
        return lists is not None and all(name in lists for name in names)

    def append(self, batch: Iterable[Found]) -> None:
        """Add lists, and make them durable."""
        lines = []
        for one in batch:
            self.found[one.question, one.system] = one.lists
            lines.append(_encode(one))
        if self._file is not None:
            with naming_full_disk(Path(self._file.name).parent):
                self._file.write(b"".join(lines))
                self._file.flush()
                os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let the file go; the lists stay in memory."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_up(self, path: Path, header: Mapping[str, Any]) -> None:
        file = self._file
        assert file is not None
        lock_for_writing(file.fileno(), path)
        file.seek(0)
        end = 0
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break
            if number == 1:
                _check_header(path, line, header)
            else:
                one = _decode(path, number, line)
                self.found[one.question, one.system] = one.lists
            end += len(line)
        with naming_full_disk(path.parent):
            file.truncate(end)
            file.seek(0, os.SEEK_END)
            if end == 0:
                file.write(json.dumps(header).encode() + b"\n")
                file.flush()


def _check_header(path: Path, line: bytes, header: Mapping[str, Any]) -> None:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict) or "format" not in found:
        raise InvalidInput(f"{path} is no file of ranked lists.", hint="Choose another --out.")
    wanted = json.loads(json.dumps(header))
    if found != wanted:
        raise InvalidInput(
            f"{path} was made with other settings: {difference(found, wanted)}.",
            hint="Choose another --out.",
            details={"path": str(path)},
        )


def _encode(one: Found) -> bytes:
    lists = {name: [ranked.ordinals.tolist(), ranked.scores.tolist()] for name, ranked in one.lists.items()}
    line = {"question": one.question, "system": one.system, "lists": lists}
    return json.dumps(line, allow_nan=False).encode("ascii") + b"\n"


def _decode(path: Path, number: int, line: bytes) -> Found:
    try:
        value = json.loads(line)
        lists = {
            name: LegList(np.array(ordinals, np.int64), np.array(scores, np.float32))
            for name, (ordinals, scores) in value["lists"].items()
        }
        return Found(value["question"], value["system"], lists)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidInput(
            f"{path}:{number}: the line is no ranked list.", hint="Choose another --out."
        ) from error
