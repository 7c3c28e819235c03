"""What quotes are made of: the words of a text as the index can tell them apart."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from skerry.core.words import find_words


@dataclass(frozen=True, slots=True)
class Unit:
    """A run of letters and digits.

    Attributes:
        text: its characters, composed.
        start, end: its characters in the whole text.
        meaning: how many words of meaning it holds: 0 or 1, or more in scripts without spaces.
        before: what stands between the unit before and this one, composed, white space collapsed.
    """

    text: str
    start: int
    end: int
    meaning: int
    before: str


def find_units(text: str) -> list[Unit]:
    """The units of a text in order.

    Words that nothing separates are one unit (a clause of Chinese): a language model's tokens need not end
    where such words do.
    """
    units: list[Unit] = []
    words = find_words(text)
    first = 0
    for place, word in enumerate(words):
        if place + 1 < len(words) and words[place + 1].start == word.end:
            continue
        start, end = words[first].start, word.end
        between = text[units[-1].end : start] if units else ""
        units.append(
            Unit(
                text=unicodedata.normalize("NFC", text[start:end]),
                start=start,
                end=end,
                meaning=sum(each.carries_meaning for each in words[first : place + 1]),
                before=_collapsed(unicodedata.normalize("NFC", between)),
            )
        )
        first = place + 1
    return units


def _collapsed(between: str) -> str:
    inner = " ".join(between.split())
    if not inner:
        return " " if between else ""
    return f"{' ' * between[0].isspace()}{inner}{' ' * between[-1].isspace()}"
