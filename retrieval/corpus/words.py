"""What counts as a word when passages are sized."""

from __future__ import annotations

import re

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
_LONGEST = 40

_WORD = re.compile(f"[{_IDEOGRAPHS}]|[^\\s{_IDEOGRAPHS}]{{1,{_LONGEST}}}")


def count_words(text: str) -> int:
    """Number of words in `text`.

    A word is a run of at most 40 characters without white space; scripts written without spaces count every
    Han or kana character. The limit of 40 keeps a passage's size in characters bounded whatever the text.
    """
    if text.isascii():
        words = text.split()
        if max(map(len, words), default=0) <= _LONGEST:
            return len(words)
    return len(_WORD.findall(text))


def word_starts(text: str, start: int, stop: int) -> list[int]:
    """Character offset of every word that begins in `text[start:stop]`, ascending."""
    return [match.start() for match in _WORD.finditer(text, start, stop)]
