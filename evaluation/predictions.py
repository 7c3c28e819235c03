"""Prediction files as KILT's own scripts read them: appended to in batches, durable, resumable.

A run writes one file for each system (a leg alone, the fusion, the ranked list, the answers), because a KILT
guess has exactly one output. Beside the main file stands `FILE.run.json`, which says what made them.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from skerry.core.errors import InvalidInput
from skerry.core.failpoints import failpoint
from skerry.core.files import fsync_directory, naming_full_disk, write_atomically
from skerry.evaluation.gold import Record
from skerry.evaluation.resuming import difference, lock_for_writing
from skerry.retrieval.corpus.records import Passage

_FORMAT = 1


def provenance_of(passage: Passage, score: float) -> dict[str, Any]:
    """A passage as a KILT provenance entry; `meta` holds our id and score, null where infinite or NaN.

    A hit that no ranker read has the score minus infinity, which JSON does not know.
    """
    span = passage.span
    return {
        "wikipedia_id": passage.page_id,
        "title": passage.title,
        "section": passage.section,
        "start_paragraph_id": span.start_paragraph,
        "start_character": span.start_character,
        "end_paragraph_id": span.end_paragraph,
        "end_character": span.end_character,
        "meta": {"passage_id": passage.id, "score": round(score, 6) if math.isfinite(score) else None},
    }


def prediction(
    question: Record, provenance: Sequence[Mapping[str, Any]], answer: str | None = None
) -> dict[str, Any]:
    """One line: the question's id and input, and one output; no `answer` key where it is None."""
    output: dict[str, Any] = {} if answer is None else {"answer": answer}
    output["provenance"] = list(provenance)
    return {"id": question.raw_id, "input": question.input, "output": [output]}


def encode(line: Mapping[str, Any]) -> bytes:
    """The line's bytes, with the line break. ASCII, so that half a surrogate pair survives."""
    return json.dumps(line, allow_nan=False).encode("ascii") + b"\n"


class PredictionFiles:
    """The files of one run, locked against a second run. A context manager.

    Attributes:
        paths: system -> file; the last system has the path that was asked for, see `system_paths`.
        done: how many questions, in the gold's order, are in every file.
    """

    def __init__(
        self,
        out: Path,
        systems: Sequence[str],
        questions: Sequence[Record],
        parameters: Mapping[str, Any],
        *,
        restart: bool = False,
    ) -> None:
        """Open or create the files, and drop what a crash left half written.

        Args:
            out: the main file.
            systems: names, the main one last.
            questions: those of this run, in order.
            parameters: JSON values that decide what the predictions are. Files made with others are refused.
            restart: start anew where files exist.

        Raises:
            InvalidInput: files that other parameters, or no run, made.
            AlreadyExists: another process is writing them.
            BackendUnavailable: they cannot be written.
        """
        self.paths = system_paths(out, systems)
        self._sidecar = out.with_name(f"{out.name}.run.json")
        self._wanted = {"format": _FORMAT, "systems": list(systems), **parameters}
        self._files: dict[str, BinaryIO] = {}
        with naming_full_disk(out.parent):
            out.parent.mkdir(parents=True, exist_ok=True)
            # Kept open and never written: the lock lives as long as this object or its process.
            self._lock = os.open(out.with_name(f".{out.name}.lock"), os.O_CREAT | os.O_RDWR, 0o644)
        try:
            lock_for_writing(self._lock, out)
            if restart:
                self._remove()
            self._check_sidecar(out)
            with naming_full_disk(out.parent):
                self.done = self._open(questions)
                fsync_directory(out.parent)
        except BaseException:
            self.close()
            raise

    def append(self, batch: Sequence[Mapping[str, Mapping[str, Any]]]) -> None:
        """Add questions, each a line for every system, and make them durable."""
        with naming_full_disk(self._sidecar.parent):
            for system, file in self._files.items():
                file.write(b"".join(encode(lines[system]) for lines in batch))
                file.flush()
                failpoint(f"predictions.append:{system}")
            for file in self._files.values():
                os.fsync(file.fileno())
        self.done += len(batch)

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _remove(self) -> None:
        for path in (self._sidecar, *self.paths.values()):
            path.unlink(missing_ok=True)

    def _check_sidecar(self, out: Path) -> None:
        existing = [path for path in self.paths.values() if path.exists()]
        if not self._sidecar.exists():
            if existing:
                raise InvalidInput(
                    f"{existing[0]} exists and was not made by such a run.",
                    hint="Choose another --out, or write it anew with --restart.",
                )
            with naming_full_disk(out.parent):
                write_atomically(self._sidecar, json.dumps(self._wanted, indent=2).encode())
            return
        try:
            found = json.loads(self._sidecar.read_bytes())
        except ValueError as error:
            raise InvalidInput(
                f"{self._sidecar} is damaged.", hint="Choose another --out, or write it anew with --restart."
            ) from error
        if found != json.loads(json.dumps(self._wanted)):
            raise InvalidInput(
                f"{out} was made with other settings: {difference(found, self._wanted)}.",
                hint="Choose another --out, or write it anew with --restart.",
                details={"path": str(out)},
            )

    def _open(self, questions: Sequence[Record]) -> int:
        counts: list[int] = []
        for system, path in self.paths.items():
            file: BinaryIO = path.open("a+b")
            self._files[system] = file
            counts.append(_whole_lines(file, path, questions))
        done = min(counts)
        for file, count in zip(self._files.values(), counts, strict=True):
            end = _offset_of_line(file, min(count, done))
            # Cutting off nothing would still change the time of a finished file.
            if end < file.seek(0, os.SEEK_END):
                file.truncate(end)
                file.seek(0, os.SEEK_END)
        return min(done, len(questions))


def system_paths(out: Path, systems: Sequence[str]) -> dict[str, Path]:
    """The main (last) system's file is `out`; the system `bm25` of `a.jsonl` is in `a.bm25.jsonl`."""
    paths = {system: out.with_name(f"{out.stem}.{system}{out.suffix}") for system in systems[:-1]}
    paths[systems[-1]] = out
    return paths


def _whole_lines(file: BinaryIO, path: Path, questions: Sequence[Record]) -> int:
    """Lines that end in a line break; the first ones must be of the questions."""
    file.seek(0)
    count = 0
    for line in file:
        if not line.endswith(b"\n"):
            break
        if count < len(questions):
            start = encode({"id": questions[count].raw_id})[:-2] + b","
            if not line.startswith(start):
                raise InvalidInput(
                    f"{path}:{count + 1}: the line is not of the question {questions[count].id!r}.",
                    hint="Choose another --out, or write it anew with --restart.",
                )
        count += 1
    return count


def _offset_of_line(file: BinaryIO, number: int) -> int:
    file.seek(0)
    for _ in range(number):
        file.readline()
    return file.tell()
