"""What a corpus is made of: pages of paragraphs, and the passages cut from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link inside a page, as in a KILT knowledge source.

    `paragraph` indexes the page's `paragraphs`; `start` and `end` are characters within it.
    """

    text: str
    target: str
    paragraph: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Page:
    """One document of the corpus.

    `paragraphs` keeps KILT's numbering: element 0 is the title, so that a `paragraph_id` in a gold file is an
    index here. A paragraph that starts with `Section::::` is a heading; `BULLET::::` marks a list item.
    """

    id: str
    title: str
    paragraphs: tuple[str, ...]
    anchors: tuple[Anchor, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """Where a passage stands in its page: from a character of one paragraph to a character of another.

    Both paragraphs are inclusive; characters are Unicode code points, `end_character` exclusive, as in KILT.
    """

    start_paragraph: int
    start_character: int
    end_paragraph: int
    end_character: int


@dataclass(frozen=True, slots=True)
class PassageLink:
    """A link in a passage: characters [start, end) of the text of passage `passage`, an ordinal.

    `target` is what the corpus calls the page linked to: its title or its id.
    """

    passage: int
    start: int
    end: int
    target: str


@dataclass(frozen=True, slots=True)
class Passage:
    """About 100 words of one section of one page: the unit of retrieval.

    `ordinal` is the passage's number in its index (0-based, corpus order), `id` is `{page_id}#{n}` with n the
    passage's number in its page, `section` the heading path ("" before the first heading).
    """

    ordinal: int
    id: str
    page_id: str
    title: str
    section: str
    text: str
    span: Span
