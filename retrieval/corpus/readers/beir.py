"""BEIR collections: a folder with corpus.jsonl, one document a line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from skerry.core.errors import InvalidInput
from skerry.retrieval.corpus.readers.json_lines import JsonLinesReader, field, identity, no_text, string
from skerry.retrieval.corpus.readers.paragraphs import split_paragraphs
from skerry.retrieval.corpus.readers.suggest import CORPUS_NAMES, suggestion
from skerry.retrieval.corpus.records import Page


class BeirReader(JsonLinesReader):
    """Reads `_id`, `title` (may be absent), `text` and `metadata` of a folder's corpus file, or of the file.

    Blank lines divide a text into paragraphs. A document that has a title and no text is found by its title:
    the title is its one paragraph.
    """

    format: ClassVar[str] = "beir"
    OPTIONS: ClassVar[Mapping[str, str]] = {}

    def source(self, path: Path) -> Path:
        if not path.is_dir():
            return path
        for name in CORPUS_NAMES:
            if (path / name).is_file():
                return path / name
        raise InvalidInput(
            f"The folder {path} holds no corpus.jsonl, corpus.jsonl.gz or corpus.jsonl.zst.",
            hint=suggestion(path, "beir") or "Give the folder of a BEIR collection.",
            details={"path": str(path)},
        )

    def page(self, record: dict[str, Any], where: str) -> Page:
        page_id = identity(field(record, ("_id",), where, "beir"), where)
        title = string(record.get("title") or "", "title", where)
        text = string(field(record, ("text",), where, "beir"), "text", where)
        paragraphs = split_paragraphs(text) or split_paragraphs(title)
        if not paragraphs:
            raise no_text(where, page_id)
        metadata = record.get("metadata")
        items = metadata.items() if isinstance(metadata, dict) else ()
        return Page(
            id=page_id,
            title=title,
            paragraphs=(title, *paragraphs),
            metadata={str(key): str(value) for key, value in items},
        )
