"""What the dense leg encodes of a passage."""

from __future__ import annotations


def passage_text(title: str, text: str) -> str:
    """The page's title, where it has one, before the passage's text."""
    return f"{title}. {text}" if title else text


def text_begin(title: str) -> int:
    """Where in `passage_text` the passage's own text begins, in characters."""
    return len(passage_text(title, ""))
