"""Reads the Python language reference that ships with every CPython (`pydoc_data.topics`) as linked pages."""

from __future__ import annotations

import hashlib
import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import ClassVar

from skerry.core.errors import BackendUnavailable, InvalidInput
from skerry.retrieval.corpus.markup import BULLET_MARKER, section_heading
from skerry.retrieval.corpus.readers.base import OnError, check_on_error, check_options
from skerry.retrieval.corpus.readers.pydoc_links import Links
from skerry.retrieval.corpus.readers.pydoc_text import Kind, Piece, pieces
from skerry.retrieval.corpus.records import Anchor, Page


class PydocReader:
    """The running interpreter's help topics: a topic is a page, its headings are sections.

    A page's id is the topic's key ("comparisons"), its title the topic's heading ("Comparisons").

    Args:
        path: kept but not read: the text is the interpreter's own. Every reader takes one.
        on_error: checked like any reader's, but this text has no bad records.
        topics: another text than the interpreter's, key -> text, as `pydoc_data.topics` holds it.
        options: none are known.
    """

    format: ClassVar[str] = "pydoc"

    def __init__(
        self,
        path: Path = Path("pydoc"),
        *,
        on_error: OnError = "fail",
        topics: Mapping[str, str] | None = None,
        **options: str,
    ) -> None:
        check_on_error(on_error)
        check_options("pydoc", options, {})
        self.path = path
        self.skipped: Counter[str] = Counter()
        self._topics = dict(sorted((_shipped() if topics is None else topics).items()))
        self._read = 0

    def __iter__(self) -> Iterator[Page]:
        """Every topic with a text, in the order of their keys.

        Raises:
            InvalidInput: there is none.
        """
        cut = {name: pieces(text) for name, text in self._topics.items() if text.strip()}
        if not cut:
            raise InvalidInput("There is no topic with a text.", hint="Index another corpus.")
        links = Links(cut)
        self._read = 0
        for name, parts in cut.items():
            self._read += len(self._topics[name].encode())
            yield _page(name, parts, links)

    def fingerprint(self) -> str:
        """Hex SHA-256 of the Python version and of every topic's key and text."""
        digest = hashlib.sha256(f"pydoc {platform.python_version()}".encode())
        for name, text in self._topics.items():
            for part in (name, text):
                digest.update(len(part).to_bytes(8, "little") + part.encode())
        return digest.hexdigest()

    def source_bytes(self) -> int:
        """Size of the topics' texts in UTF-8, in bytes."""
        return sum(len(text.encode()) for text in self._topics.values())

    def read_bytes(self) -> int:
        """How many of `source_bytes()` the iteration under way has consumed."""
        return self._read


def _shipped() -> Mapping[str, str]:
    try:
        topics: Mapping[str, str] = import_module("pydoc_data.topics").topics
    except ImportError as error:
        raise BackendUnavailable(
            "This Python was installed without pydoc_data, the language reference that `help()` shows.",
            hint="Install the interpreter's full standard library, or index another corpus.",
        ) from error
    return topics


def _page(name: str, parts: Sequence[Piece], links: Links) -> Page:
    """Lay out one topic as KILT does: the title first, then headings, items and paragraphs."""
    title, parts = (parts[0].text, parts[1:]) if parts[0].kind is Kind.HEADING else (name, parts)
    paragraphs = [title]
    anchors: list[Anchor] = []
    marks: list[str] = []
    path: list[str] = []
    for part in parts:
        if part.kind is Kind.HEADING:
            level = _level(part.mark, marks)
            path[level:] = [part.text]
            paragraphs.append(section_heading(path))
            continue
        text = BULLET_MARKER + part.text if part.kind in (Kind.ITEM, Kind.ROW) else part.text
        anchors += links.find(name, len(paragraphs), text)
        paragraphs.append(text)
    return Page(name, title, tuple(paragraphs), tuple(anchors), {"source": "pydoc_data.topics"})


def _level(mark: str, marks: list[str]) -> int:
    """The depth of a heading by the order in which underlinings first appear; a rubric ("[") is a section."""
    if mark == "[":
        return 0
    if mark not in marks:
        marks.append(mark)
    return marks.index(mark)
