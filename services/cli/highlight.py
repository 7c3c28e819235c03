"""Query words in bold, for terminals."""

from __future__ import annotations

import re
from collections.abc import Callable

import click

_WORD = re.compile(r"\w+")
_SHORTEST = 3
_ENDING = 3
_STEM = 4


def highlighter(query: str, enabled: bool) -> Callable[[str], str]:
    """A function that makes the query's words bold in a text, or leaves the text alone unless `enabled`.

    Words of less than three letters are passed over; words of one stem count as the same (a common beginning
    of at least four letters, and endings of at most three).
    """
    words = {match.casefold() for match in _WORD.findall(query) if len(match) >= _SHORTEST}
    if not enabled or not words:
        return lambda text: text

    def mark(match: re.Match[str]) -> str:
        word = match.group()
        same = any(_alike(word.casefold(), wanted) for wanted in words)
        return click.style(word, bold=True) if same else word

    return lambda text: _WORD.sub(mark, text)


def _alike(word: str, wanted: str) -> bool:
    if word == wanted:
        return True
    common = 0
    for one, other in zip(word, wanted, strict=False):
        if one != other:
            break
        common += 1
    return common >= _STEM and max(len(word), len(wanted)) - common <= _ENDING
