"""Where sentences end in a list of tokens, and whether a new token begins one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from skerry.retrieval.corpus.sentences import split_sentences

_UNFINISHED = "\ufffd"
_LONGEST_CHARACTER = 4
"""Tokens that may share one character: UTF-8 has no longer one."""
_LONGEST_TAIL = 600
"""Characters of an unended sentence that are looked at again with every new token."""


class TokenText:
    """The text that each token of a list adds, looked up once a token id.

    The pieces concatenate to the text. A character of several tokens is the last one's; a special token (the
    end of a turn) is a blank line, which ends a sentence.

    Args:
        tokenizer: a transformers tokenizer.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._special = frozenset(tokenizer.all_special_ids)
        self._known: dict[int, str] = {}
        self._open: list[int] = []

    def push(self, token: int) -> str:
        """The piece of the next token; "" within a character."""
        if not self._open:
            piece = self._piece(token)
            if not piece.endswith(_UNFINISHED):
                return piece
        self._open.append(token)
        text = self._decode(self._open)
        if text.endswith(_UNFINISHED) and len(self._open) < _LONGEST_CHARACTER:
            return ""
        self._open = []
        return text

    def _piece(self, token: int) -> str:
        piece = self._known.get(token)
        if piece is None:
            piece = "\n\n" if token in self._special else self._decode([token])
            # A decoder drops the space that a first token begins with.
            if str(self._tokenizer.convert_ids_to_tokens(token)).startswith("\u2581") and piece[:1] != " ":
                piece = f" {piece}"
            self._known[token] = piece
        return piece

    def _decode(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(
            tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return text


def sentence_ends(tokenizer: Any, tokens: Sequence[int]) -> tuple[int, ...]:
    """Offsets behind the last token of every sentence, ascending; the last is the number of tokens.

    A sentence ends where `split_sentences` ends one (. ! ? with regard to abbreviations, a blank line, CJK
    marks) and at special tokens. White space between two sentences belongs to the first; a token that has
    both the end of one and the begin of the next belongs to the first as well.

    Args:
        tokenizer: a transformers tokenizer.
        tokens: ids, of any number; none gives ().
    """
    if not tokens:
        return ()
    read = TokenText(tokenizer)
    pieces = [read.push(token) for token in tokens]
    text_ends = list(accumulate(map(len, pieces)))
    ends: list[int] = []
    for (_, end), (following, _) in pairwise(split_sentences("".join(pieces))):
        # The first token that brings the text up to the next sentence, or into it.
        token = bisect_left(text_ends, following)
        before = text_ends[token - 1] if token else 0
        cut = token + 1 if text_ends[token] == following or before < end else token
        if not ends or cut > ends[-1]:
            ends.append(cut)
    if not ends or ends[-1] < len(tokens):
        ends.append(len(tokens))
    return tuple(ends)


class SentenceTracker:
    """Tells of each token of a growing list whether it is the first of a sentence.

    Args:
        tokenizer: a transformers tokenizer.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._read = TokenText(tokenizer)
        self._tail = ""

    def push(self, token: int) -> bool:
        """Take the next token in; whether a sentence ended before it. The very first token opens none."""
        self._tail = (self._tail + self._read.push(token))[-_LONGEST_TAIL:]
        spans = split_sentences(self._tail)
        if len(spans) < 2:
            return False
        self._tail = self._tail[spans[-1][0] :]
        return True
