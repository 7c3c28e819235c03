"""The shared part of the readers whose corpus is a file with one JSON object a line."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from skerry.core.errors import InvalidInput
from skerry.core.files import sha256_file
from skerry.retrieval.corpus.readers.base import (
    OnError,
    bad_record,
    check_on_error,
    check_options,
    check_source,
)
from skerry.retrieval.corpus.readers.lines import LineSource
from skerry.retrieval.corpus.readers.seen import SeenIds
from skerry.retrieval.corpus.readers.suggest import suggestion
from skerry.retrieval.corpus.records import Page

_SHOWN = 60


class JsonLinesReader:
    """Streams pages from a file of JSON lines, plain, gzip or zstandard.

    A format overrides `format`, `OPTIONS`, `page` and, for a folder, `source`.
    """

    format: ClassVar[str] = ""
    OPTIONS: ClassVar[Mapping[str, str]] = {}

    def __init__(self, path: Path, *, on_error: OnError = "fail", **options: str) -> None:
        check_on_error(on_error)
        check_source(path, self.format)
        self.path = path
        self.on_error = on_error
        self.options = check_options(self.format, options, self.OPTIONS)
        self.skipped: Counter[str] = Counter()
        self.file = self.source(path)
        self._lines: LineSource | None = None

    def source(self, path: Path) -> Path:
        """The file to read. Raises `InvalidInput` when `path` is no corpus of this format."""
        if path.is_dir():
            raise InvalidInput(
                f"{path} is a folder; a {self.format} corpus is a file of JSON lines.",
                hint=suggestion(path, self.format) or "Give the file's path.",
                details={"path": str(path)},
            )
        return path

    def page(self, record: dict[str, Any], where: str) -> Page:
        """The page of one parsed line. Raises `InvalidInput` made by `bad_record`."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Page]:
        self.skipped = Counter()
        seen = SeenIds()
        records = 0
        with LineSource(self.file) as lines:
            self._lines = lines
            iterator = iter(lines)
            while True:
                try:
                    item = next(iterator, None)
                except InvalidInput as error:
                    # Nothing can be read behind this point.
                    self._skip(error)
                    return
                if item is None:
                    break
                number, line = item
                records += 1
                try:
                    page = self._parse(line, number)
                    if not seen.add(page.id):
                        raise self._duplicate(page.id, number)
                except InvalidInput as error:
                    self._skip(error, first=records == 1)
                    continue
                yield page
        if records == 0:
            raise InvalidInput(
                f"{self.file} holds no pages.",
                hint=f"A {self.format} corpus has one JSON object a line.",
                details={"path": str(self.file)},
            )

    def fingerprint(self) -> str:
        """See `CorpusReader.fingerprint`."""
        options = json.dumps([self.format, sorted(self.options.items())])
        return hashlib.sha256(f"{options}\n{sha256_file(self.file)}".encode()).hexdigest()

    def source_bytes(self) -> int:
        return self.file.stat().st_size

    def read_bytes(self) -> int:
        return 0 if self._lines is None else self._lines.read_bytes()

    def _skip(self, error: InvalidInput, first: bool = False) -> None:
        """Count the error, or raise it under "fail"; on the first record a wrong format is suspected."""
        if self.on_error == "skip":
            self.skipped[error.details.get("reason", "invalid record")] += 1
            return
        other = suggestion(self.path, self.format) if first else ""
        if other:
            raise InvalidInput(error.message, hint=f"{other} {error.hint}", details=error.details) from error
        raise error

    def _parse(self, line: bytes, number: int) -> Page:
        where = f"{self.file}:{number}"
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise bad_record(
                where,
                "invalid UTF-8",
                f"byte {error.start + 1} of the line is not valid UTF-8.",
                "Convert the file to UTF-8, or leave such lines out with --on-error skip.",
            ) from error
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _bad_json(where, text, error) from error
        if not isinstance(record, dict):
            raise bad_record(
                where,
                "not an object",
                f"expected a JSON object, found {type(record).__name__}.",
                "Write one object a line.",
            )
        page = self.page(record, where)
        if b"\\ud" in line.lower():
            _check_surrogates(page, where)
        return page

    def _duplicate(self, page_id: str, number: int) -> InvalidInput:
        first = "" if self.on_error == "skip" else self._first_line(page_id)
        return bad_record(
            f"{self.file}:{number}",
            "duplicate id",
            f"the id {page_id!r} was there before{first}.",
            "Ids must be unique: rename or remove one, or keep the first of each with --on-error skip.",
        )

    def _first_line(self, page_id: str) -> str:
        """Where the id was seen first, found by reading the file again: once, before the reader fails."""
        with LineSource(self.file) as lines:
            for number, line in lines:
                if self._parse(line, number).id == page_id:
                    return f", on line {number}"
        return ""


def field(record: Mapping[str, Any], names: tuple[str, ...], where: str, reader: str) -> Any:
    """The first of the fields `names` that the record has. Raises `InvalidInput` when it has none."""
    for name in names:
        if record.get(name) is not None:
            return record[name]
    known = ", ".join(sorted(record)[:8]) or "none"
    raise bad_record(
        where,
        f"missing field {names[0]}",
        f"the field {' or '.join(map(repr, names))} is missing; the line has: {known}.",
        f"Every line of a {reader} corpus needs it.",
    )


def identity(value: Any, where: str) -> str:
    """A page id from a JSON string or integer. Raises `InvalidInput` for anything else or an empty one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.strip():
        return value
    raise bad_record(
        where, "bad id", f"the id is {_show(value)}.", "An id is a string that is not empty, or an integer."
    )


def string(value: Any, name: str, where: str) -> str:
    """A JSON string. Raises `InvalidInput` for anything else."""
    if isinstance(value, str):
        return value
    raise bad_record(
        where, f"bad field {name}", f"the field {name!r} is {_show(value)}.", "It should be a string."
    )


def no_text(where: str, page_id: str) -> InvalidInput:
    """The error for a page of which nothing can be retrieved."""
    return bad_record(
        where,
        "page without text",
        f"the page {page_id!r} has no text.",
        "Give it text, or leave such pages out with --on-error skip.",
    )


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _bad_json(where: str, text: str, error: Exception) -> InvalidInput:
    if isinstance(error, json.JSONDecodeError):
        opened = text.lstrip().startswith("{")
        if opened and (error.pos >= len(text) - 1 or error.msg.startswith("Unterminated string")):
            return bad_record(
                where,
                "line cut off",
                f"the line ends in the middle of its JSON object ({error.msg.lower()}).",
                "The file was cut short or a line break was put inside a record: fetch or write it again.",
            )
        what = f"the line is not valid JSON ({error.msg.lower()}, column {error.colno})."
    else:
        what = f"the line is not usable JSON ({str(error).lower()[:_SHOWN]})."
    return bad_record(where, "invalid JSON", what, "Write one JSON object a line.")


def _check_surrogates(page: Page, where: str) -> None:
    for text in (page.id, page.title, *page.paragraphs):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise bad_record(
                where,
                "half a surrogate pair",
                "a \\ud... escape is half of a surrogate pair, which is no character.",
                "Write the character itself, or both halves.",
            ) from error
