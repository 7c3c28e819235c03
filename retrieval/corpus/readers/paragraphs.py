"""Plain text as paragraphs."""

from __future__ import annotations

import re

_BLANK = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")


def split_paragraphs(text: str) -> tuple[str, ...]:
    """The parts of `text` between blank lines, without surrounding white space; blank ones are left out."""
    parts = (part.strip() for part in _BLANK.split(text.replace("\r\n", "\n")))
    return tuple(part for part in parts if part)
