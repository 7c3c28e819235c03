"""What matched, shown in a text on a terminal: query words in bold, n-grams underlined."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import groupby

import click

_WORD = re.compile(r"\w+")
_SHORTEST = 3
_ENDING = 3
_STEM = 4
_BOLD = 1
_LINE = 2

Mark = Callable[[str, Sequence[tuple[int, int]]], str]


def highlighter(query: str, enabled: bool) -> Mark:
    """A function that shows what matched in a text, or leaves the text alone unless `enabled`.

    It takes the text and (start, end) characters of it, which are underlined; the query's words become bold.
    Words of less than three letters are passed over; words of one stem count as the same (a common beginning
    of at least four letters, and endings of at most three).
    """
    words = {match.casefold() for match in _WORD.findall(query) if len(match) >= _SHORTEST}

    def mark(text: str, spans: Sequence[tuple[int, int]]) -> str:
        if not enabled:
            return text
        styles = bytearray(len(text))
        for match in _WORD.finditer(text):
            if any(_alike(match.group().casefold(), wanted) for wanted in words):
                _add(styles, match.span(), _BOLD)
        for span in spans:
            _add(styles, span, _LINE)
        return "".join(_styled(text, styles))

    return mark


def _add(styles: bytearray, span: tuple[int, int], style: int) -> None:
    for place in range(max(0, span[0]), min(span[1], len(styles))):
        styles[place] |= style


def _styled(text: str, styles: bytearray) -> list[str]:
    """The text in runs of one style. White space has none: lines are broken there afterwards."""
    places = groupby(range(len(text)), lambda place: 0 if text[place].isspace() else styles[place])
    parts = []
    for style, run in places:
        part = "".join(text[place] for place in run)
        if style:
            part = click.style(part, bold=bool(style & _BOLD) or None, underline=bool(style & _LINE) or None)
        parts.append(part)
    return parts


def _alike(word: str, wanted: str) -> bool:
    if word == wanted:
        return True
    common = 0
    for one, other in zip(word, wanted, strict=False):
        if one != other:
            break
        common += 1
    return common >= _STEM and max(len(word), len(wanted)) - common <= _ENDING
