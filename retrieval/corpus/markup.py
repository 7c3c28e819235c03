"""KILT's inline markers: `Section::::` headings and `BULLET::::` list items."""

from __future__ import annotations

import re

SECTION_MARKER = "Section::::"
BULLET_MARKER = "BULLET::::"
SECTION_SEPARATOR = " > "

_LEVELS = re.compile(r"(?<=[.!?]):|(?<!\d):(?=\S)|:(?=[^\s\d])")
_BULLET = re.compile(r"\s*BULLET::::(?:[-*•]|\d{1,3}\.(?=\s))?\s*")


def is_heading(paragraph: str) -> bool:
    """Whether a paragraph is a heading and no text of its own."""
    return paragraph.lstrip().startswith(SECTION_MARKER)


def section_path(heading: str) -> str:
    """The readable path of a heading: `Section::::Early life.:Education.` is "Early life > Education"."""
    levels = _LEVELS.split(heading.strip().removeprefix(SECTION_MARKER))
    names = (level.strip().removesuffix(".").strip() for level in levels)
    return SECTION_SEPARATOR.join(name for name in names if name)


def section_heading(levels: list[str]) -> str:
    """The heading paragraph of a path of headings, outermost first: the opposite of `section_path`."""
    names = (_LEVELS.sub(": ", level.strip().rstrip(".:")) for level in levels)
    return SECTION_MARKER + ":".join(f"{name}." for name in names if name)


def content_span(paragraph: str) -> tuple[int, int]:
    """(start, end) characters of a paragraph's text: without a bullet marker and surrounding white space.

    Empty (start == end) for a blank paragraph, a lone bullet marker and a heading.
    """
    if is_heading(paragraph):
        return 0, 0
    end = len(paragraph.rstrip())
    marker = _BULLET.match(paragraph)
    start = marker.end() if marker else len(paragraph) - len(paragraph.lstrip())
    return (start, end) if start < end else (0, 0)
