"""KILT knowledge sources: one Wikipedia page a line, text as paragraphs of which element 0 is the title."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import unquote

from skerry.retrieval.corpus.markup import content_span
from skerry.retrieval.corpus.readers.base import bad_record
from skerry.retrieval.corpus.readers.json_lines import JsonLinesReader, field, identity, no_text, string
from skerry.retrieval.corpus.records import Anchor, Page

_LONGEST_TITLE = 512


class KiltReader(JsonLinesReader):
    """Reads `wikipedia_id` (or `_id`), `wikipedia_title`, `text`, `anchors` and `categories`.

    Paragraphs keep their text and numbers exactly, so that gold spans stay true. An anchor whose paragraph or
    characters do not exist is left out.
    """

    format: ClassVar[str] = "kilt"
    OPTIONS: ClassVar[Mapping[str, str]] = {}

    def page(self, record: dict[str, Any], where: str) -> Page:
        page_id = identity(field(record, ("wikipedia_id", "_id"), where, "kilt"), where)
        title = string(field(record, ("wikipedia_title",), where, "kilt"), "wikipedia_title", where)
        text = field(record, ("text",), where, "kilt")
        if not isinstance(text, list) or not all(isinstance(paragraph, str) for paragraph in text):
            raise bad_record(
                where,
                "bad field text",
                "the field 'text' is not a list of strings.",
                "A kilt line holds its paragraphs as a list, the title first.",
            )
        if text and text[0].strip() != title.strip() and len(text[0]) > _LONGEST_TITLE:
            raise bad_record(
                where,
                "text does not start with the title",
                f"element 0 of 'text' is {len(text[0])} characters long and not the title {title!r}.",
                "Put the title before the first paragraph: element 0 is not indexed as text.",
            )
        if not any(content_span(paragraph)[1] for paragraph in text[1:]):
            raise no_text(where, page_id)
        return Page(
            id=page_id,
            title=title,
            paragraphs=tuple(text),
            anchors=_anchors(record.get("anchors"), text, where),
            metadata=_categories(record.get("categories")),
        )


def _anchors(value: Any, paragraphs: list[str], where: str) -> tuple[Anchor, ...]:
    if value is None:
        return ()
    anchors = []
    try:
        for anchor in value:
            target = anchor.get("wikipedia_title") or unquote(anchor["href"])
            paragraph, start, end = anchor["paragraph_id"], anchor["start"], anchor["end"]
            if 0 <= paragraph < len(paragraphs) and 0 <= start < end <= len(paragraphs[paragraph]):
                anchors.append(Anchor(str(anchor["text"]), str(target), paragraph, start, end))
    except (TypeError, KeyError, AttributeError) as error:
        raise bad_record(
            where,
            "bad field anchors",
            f"an anchor cannot be read ({type(error).__name__}: {error}).",
            "An anchor is an object with text, href, paragraph_id, start and end.",
        ) from error
    return tuple(anchors)


def _categories(value: Any) -> dict[str, str]:
    if isinstance(value, list):
        value = ",".join(str(item) for item in value)
    return {"categories": value} if isinstance(value, str) and value else {}
