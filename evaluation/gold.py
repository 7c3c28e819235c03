"""Readers of KILT's gold and guess files: one JSON object a line, plain, gzip or zstandard."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skerry.core.errors import InvalidInput, NotFound
from skerry.retrieval.corpus.readers.lines import LineSource


@dataclass(frozen=True, slots=True)
class Output:
    """One possible (gold) or the given (guess) answer with its provenance.

    Attributes:
        answer: None where the line has none or null.
        provenance: the objects as they stand in the file; None where the line has no such key, which is not
            the same as an empty list: an empty list is an evidence set that nothing satisfies.
    """

    answer: str | None
    provenance: tuple[Mapping[str, Any], ...] | None


@dataclass(frozen=True, slots=True)
class Record:
    """A line of a gold or guess file.

    Attributes:
        id: as a stripped string, by which gold and guess are matched.
        raw_id: as it stands in the file, str or int.
        input: the question, "" where the line has none.
        outputs: empty where the line has none, as in KILT's test files.
        where: "file:line".
    """

    id: str
    raw_id: str | int
    input: str
    outputs: tuple[Output, ...]
    where: str


def read_gold(path: Path, limit: int | None = None) -> list[Record]:
    """The questions of a gold file, in order; with `limit` only the first ones.

    Raises:
        NotFound: there is no such file.
        InvalidInput: naming file and line: not a JSON object, no id or one that was there before, a field of
            the wrong type; or a file without questions.
    """
    if limit is not None and limit < 1:
        raise InvalidInput(f"The limit is {limit}.", hint="Give a limit of at least 1.")
    records: list[Record] = []
    for record in read_records(path, kind="gold"):
        records.append(record)
        if len(records) == limit:
            break
    if not records:
        raise InvalidInput(f"{path} has no questions.", hint="Give a KILT gold file: one question a line.")
    return records


def read_records(path: Path, *, kind: str) -> Iterator[Record]:
    """Stream the lines of a gold or guess file (`kind`, for messages). Errors as `read_gold`."""
    if not path.is_file():
        raise NotFound(f"There is no {kind} file {path}.", details={"path": str(path)})
    first_line: dict[str, int] = {}
    with LineSource(path) as lines:
        for number, line in lines:
            record = parse_record(line, f"{path}:{number}")
            if record.id in first_line:
                raise InvalidInput(
                    f"{path}:{number}: the id {record.id!r} was in line {first_line[record.id]} before.",
                    hint="Ids must be unique in a file.",
                )
            first_line[record.id] = number
            yield record


def parse_record(line: bytes, where: str) -> Record:
    """One line's record. Raises `InvalidInput` that starts with `where`."""
    record = parse_object(line, where)
    raw_id = record.get("id")
    if isinstance(raw_id, bool) or not isinstance(raw_id, str | int) or not str(raw_id).strip():
        raise InvalidInput(
            f"{where}: the id is {raw_id!r}.", hint="Every line needs an id, a string or a number."
        )
    question = record.get("input", "")
    if not isinstance(question, str):
        raise InvalidInput(f"{where}: the input is {_kind(question)}, not a string.")
    outputs = record.get("output", [])
    if not isinstance(outputs, list):
        raise InvalidInput(f"{where}: the output is {_kind(outputs)}, not a list.")
    return Record(
        id=str(raw_id).strip(),
        raw_id=raw_id,
        input=question,
        outputs=tuple(_output(output, f"{where}: output {i}") for i, output in enumerate(outputs)),
        where=where,
    )


def parse_object(line: bytes, where: str) -> dict[str, Any]:
    """The JSON object of a line of UTF-8. Raises `InvalidInput` that starts with `where`."""
    try:
        value = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{where}: byte {error.start + 1} of the line is not valid UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"{where}: the line is not valid JSON ({str(error)[:80]}).",
            hint="The file must hold one whole JSON object a line.",
        ) from error
    if not isinstance(value, dict):
        raise InvalidInput(f"{where}: the line is {_kind(value)}, not a JSON object.")
    return value


def _output(value: object, where: str) -> Output:
    if not isinstance(value, dict):
        raise InvalidInput(f"{where} is {_kind(value)}, not an object.")
    answer = value.get("answer")
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        answer = str(answer)
    if answer is not None and not isinstance(answer, str):
        raise InvalidInput(f"{where}: the answer is {_kind(answer)}, not a string.")
    provenance = value.get("provenance")
    if provenance is None:
        return Output(answer, None)
    if not isinstance(provenance, list) or not all(isinstance(item, dict) for item in provenance):
        raise InvalidInput(f"{where}: the provenance is not a list of objects.")
    return Output(answer, tuple(provenance))


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
