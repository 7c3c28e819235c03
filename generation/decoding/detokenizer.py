"""Tokens to text as they come, never breaking a character."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy

_UNFINISHED = "\ufffd"
_WINDOW = 48
_CONTEXT = 8


class IncrementalDetokenizer:
    """Gives out the text of a growing token list in pieces, which concatenate to the decoding of the whole.

    A token may hold a part of a character, and a decoder may treat the first token of a list in its own way
    (drop its space): so a window of the last tokens is decoded anew for each token, and what is new is given
    out. A tail of replacement characters is held back until what follows shows whether a character is whole.

    Args:
        decode: token ids to text, the tokenizer's own.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._tokens: list[int] = []
        self._given = 0

    def fork(self) -> IncrementalDetokenizer:
        """Another that goes on from here by itself."""
        twin = copy(self)
        twin._tokens = self._tokens.copy()
        return twin

    def push(self, token: int) -> str:
        """The text that has become certain with `token`, often empty."""
        self._tokens.append(token)
        text = self._decode(self._tokens)
        certain = text.rstrip(_UNFINISHED)
        piece = certain[self._given :]
        self._given = max(self._given, len(certain))
        if len(self._tokens) > _WINDOW and len(certain) == len(text):
            self._tokens = self._tokens[-_CONTEXT:]
            self._given = len(self._decode(self._tokens))
        return piece

    def finish(self) -> str:
        """What was held back: the replacement characters of bytes that never became a character."""
        return self._decode(self._tokens)[self._given :]
