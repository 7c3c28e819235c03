"""A folder of text and Markdown files, one page a file."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from skerry.core.errors import BackendUnavailable, InvalidInput
from skerry.core.files import sha256_file
from skerry.retrieval.corpus.markup import content_span
from skerry.retrieval.corpus.readers.base import (
    OnError,
    bad_record,
    check_on_error,
    check_options,
    check_source,
)
from skerry.retrieval.corpus.readers.json_lines import no_text
from skerry.retrieval.corpus.readers.markdown import markdown_paragraphs
from skerry.retrieval.corpus.readers.paragraphs import split_paragraphs
from skerry.retrieval.corpus.readers.suggest import TEXT_SUFFIXES, suggestion
from skerry.retrieval.corpus.records import Page

_LARGEST = 64 << 20


class TextReader:
    """Reads every .txt, .md and .markdown file below a folder, hidden ones aside, in path order; or one file.

    A page's id is the file's path below the folder, with "/" between its parts. Its title is the first
    heading of a Markdown file, else the file's name without suffix. Blank lines divide paragraphs.
    """

    format: ClassVar[str] = "text"
    OPTIONS: ClassVar[Mapping[str, str]] = {}

    def __init__(self, path: Path, *, on_error: OnError = "fail", **options: str) -> None:
        check_on_error(on_error)
        check_source(path, self.format)
        check_options(self.format, options, self.OPTIONS)
        self.path = path
        self.on_error = on_error
        self.skipped: Counter[str] = Counter()
        self._read = 0

    def __iter__(self) -> Iterator[Page]:
        self.skipped = Counter()
        self._read = 0
        found = False
        for name, file in self._files():
            found = True
            try:
                page = self._page(name, file)
            except InvalidInput as error:
                if self.on_error == "fail":
                    raise
                self.skipped[error.details.get("reason", "invalid record")] += 1
                continue
            yield page
        if not found:
            raise InvalidInput(
                f"{self.path} holds no .txt or .md file.",
                hint=suggestion(self.path, self.format) or "Give a folder of text or Markdown files.",
                details={"path": str(self.path)},
            )

    def fingerprint(self) -> str:
        """See `CorpusReader.fingerprint`; over every file's path and bytes."""
        whole = hashlib.sha256(self.format.encode())
        for name, file in self._files():
            whole.update(json.dumps([name, sha256_file(file)]).encode())
        return whole.hexdigest()

    def source_bytes(self) -> int:
        return sum(file.stat().st_size for _, file in self._files())

    def read_bytes(self) -> int:
        return self._read

    def _files(self) -> Iterator[tuple[str, Path]]:
        """(page id, path) of every file; holds the names of one folder at a time."""
        if self.path.is_file():
            if self.path.suffix.lower() in TEXT_SUFFIXES:
                yield self.path.name, self.path
            return
        for folder, folders, names in os.walk(self.path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                file = Path(folder) / name
                if not name.startswith(".") and file.suffix.lower() in TEXT_SUFFIXES and file.is_file():
                    yield file.relative_to(self.path).as_posix(), file

    def _page(self, name: str, file: Path) -> Page:
        text = self._text(file)
        if file.suffix.lower() == ".txt":
            title, paragraphs = "", list(split_paragraphs(text))
        else:
            title, paragraphs = markdown_paragraphs(text)
        if not any(content_span(paragraph)[1] for paragraph in paragraphs):
            raise no_text(str(file), name)
        title = title or file.stem
        return Page(id=name, title=title, paragraphs=(title, *paragraphs))

    def _text(self, file: Path) -> str:
        try:
            size = file.stat().st_size
            if size > _LARGEST:
                raise bad_record(
                    str(file),
                    "file too large",
                    f"the file is {size >> 20} MiB long; a page is at most {_LARGEST >> 20} MiB.",
                    "Divide it into several files.",
                )
            data = file.read_bytes()
        except OSError as error:
            raise BackendUnavailable(
                f"The file {file} cannot be read: {error.strerror}.",
                hint="Check that you may read it.",
                details={"path": str(file)},
            ) from error
        self._read += len(data)
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise bad_record(
                f"{file}:{line}",
                "invalid UTF-8",
                f"byte {error.start + 1} of the file is not valid UTF-8.",
                "Convert the file to UTF-8, or leave such files out with --on-error skip.",
            ) from error
