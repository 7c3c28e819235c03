"""Texts to the words that word vectors are looked up by."""

from __future__ import annotations

import re

from skerry.core.errors import InvalidInput

# Ideographs and kana stand alone; all else goes by runs of letters and digits.
_ALONE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(f"[{_ALONE}]|[^\\W_{_ALONE}]+")
_CHARACTERS_A_WORD = 16


def first_words(text: str, limit: int) -> list[str]:
    """The first `limit` words of a text, case-folded; fewer where its words have over 16 characters each.

    What lies behind the first 16 * limit characters is never looked at: a text may have any length.

    Raises:
        InvalidInput: a text that is no valid Unicode.
    """
    read = text[: _CHARACTERS_A_WORD * limit]
    if not read.isascii():
        try:
            read.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(f"A text cannot be read: {error}.", hint="Pass valid Unicode.") from error
    words: list[str] = _WORD.findall(read.casefold())
    return words[:limit]
