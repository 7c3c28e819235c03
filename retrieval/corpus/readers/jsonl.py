"""JSON lines with fields of the user's naming."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from skerry.retrieval.corpus.markup import content_span
from skerry.retrieval.corpus.readers.base import bad_record
from skerry.retrieval.corpus.readers.json_lines import JsonLinesReader, field, identity, no_text, string
from skerry.retrieval.corpus.readers.paragraphs import split_paragraphs
from skerry.retrieval.corpus.records import Page


class JsonlReader(JsonLinesReader):
    """Reads an id, a title (may be absent) and a text: a string divided at blank lines, or a list of strings.

    Options `id_field`, `title_field`, `text_field` name the fields. Other fields that are strings or numbers
    become metadata.
    """

    format: ClassVar[str] = "jsonl"
    OPTIONS: ClassVar[Mapping[str, str]] = {
        "id_field": "id",
        "title_field": "title",
        "text_field": "text",
    }

    def page(self, record: dict[str, Any], where: str) -> Page:
        id_field, title_field, text_field = (self.options[name] for name in self.OPTIONS)
        page_id = identity(field(record, (id_field,), where, "jsonl"), where)
        title = string(record.get(title_field) or "", title_field, where)
        text = field(record, (text_field,), where, "jsonl")
        if isinstance(text, list) and all(isinstance(paragraph, str) for paragraph in text):
            paragraphs = tuple(text)
        elif isinstance(text, str):
            paragraphs = split_paragraphs(text)
        else:
            raise bad_record(
                where,
                f"bad field {text_field}",
                f"the field {text_field!r} is neither a string nor a list of strings.",
                "Give the text, or the list of its paragraphs.",
            )
        if not any(content_span(paragraph)[1] for paragraph in paragraphs):
            raise no_text(where, page_id)
        used = {id_field, title_field, text_field}
        return Page(
            id=page_id,
            title=title,
            paragraphs=(title, *paragraphs),
            metadata={
                key: str(value)
                for key, value in record.items()
                if key not in used and isinstance(value, str | int | float)
            },
        )
