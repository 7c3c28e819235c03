"""Words with their places in a text, and which words carry meaning."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_FUNCTION_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        a an the this that these those such some any each every both either neither no not nor none all most
        many much more less few several other another same own and or but if then than because while
        although though so as of at by for with about against between among into through during before after
        above below to from up down in out on off over under again further once upon per via within without
        toward towards across along around behind beyond near since until i me my mine we us our ours you
        your yours he him his she her hers it its they them their theirs who whom whose which what when
        where why how is am are was were be been being has have had having do does did doing will would
        shall should can could may might must here there also only just very too ever never still yet
        already even quite rather s t d ll m re ve isn aren wasn weren don doesn didn won wouldn couldn hasn
        haven hadn yes answer question text
        """,
    )
)
"""Words that prove nothing by standing in a source; the last three are the prompt's own."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text: characters [start, end) of it, and the form under which words are compared."""

    form: str
    start: int
    end: int

    @property
    def carries_meaning(self) -> bool:
        """False for function words, and for single letters that are not digits or ideographs."""
        if self.form in _FUNCTION_WORDS:
            return False
        return len(self.form) > 1 or not self.form.isascii() or self.form.isdigit()


def _stands_alone(character: str) -> bool:
    """Whether a script without spaces makes each of its characters a word: ideographs and kana."""
    code = ord(character)
    return 0x3040 <= code <= 0x30FF or 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or code >= 0x20000


def is_of_word(character: str) -> bool:
    """Whether a character belongs to a word: letters, digits, and the marks that go with them."""
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def find_words(text: str) -> list[Word]:
    """The words of a text in order: runs of letters, digits and the marks that belong to them.

    Places are counted in the text as it is; forms are compatibility-normalised and case-folded, which may
    change their length ("Straße" and "STRASSE" have one form) but never a place.
    """
    words: list[Word] = []
    start = -1
    for at, character in enumerate(text):
        inside = character.isalnum() or (start >= 0 and is_of_word(character))
        alone = inside and _stands_alone(character)
        if start >= 0 and (not inside or alone):
            words.append(_word(text, start, at))
            start = -1
        if alone:
            words.append(_word(text, at, at + 1))
        elif inside and start < 0:
            start = at
    if start >= 0:
        words.append(_word(text, start, len(text)))
    return words


def _word(text: str, start: int, end: int) -> Word:
    folded = unicodedata.normalize("NFKC", text[start:end]).casefold()
    # Folding may leave decomposed letters (the dotted capital I): compose them once more.
    return Word(unicodedata.normalize("NFKC", folded), start, end)
