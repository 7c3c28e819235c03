"""In which tokens a passage may have a word, and at which tokens words end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from skerry.core.words import is_of_word
from skerry.retrieval.seal.vocabulary import Vocabulary

Tokens: TypeAlias = tuple[int, ...]

BROKEN = "\ufffd"
"""What a part of a character decodes to."""
MOST_PARTS = 4
"""A character has at most four bytes, so at most four parts."""
_APOSTROPHES = "'’"
_DASHES = "-–"
_LETTER, _MARK = "a", "("

_CONTINUES, _OPENS, _BROKEN_START, _BROKEN_END = 1, 2, 4, 8


class Spelling:
    """Words to tokens. A word's tokens depend on what stands before it: a space, which becomes a part of its
    first token, or a mark. Safe to use from several threads.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._letter = tuple(vocabulary.encode(_LETTER))
        self._mark = tuple(vocabulary.encode(_MARK))
        self._letter_text = vocabulary.text(self._letter)
        self._kinds = np.full(vocabulary.size, -1, np.int8)

    def after_space(self, word: str) -> tuple[Tokens, ...]:
        """The tokens of a word and the space in front of it, in several cases."""
        return _distinct(tuple(self._vocabulary.words(form)) for form in cases(word))

    def after_mark(self, word: str) -> tuple[Tokens, ...]:
        """The tokens of a word right after a mark, in several cases."""
        return _distinct(self._after(_MARK, self._mark, form) for form in cases(word))

    def next_word(self, between: str, word: str) -> tuple[Tokens, ...]:
        """The tokens of a word and of what joins it to the word before it.

        It may be joined as in the text that is looked up (`between`), by a space, a comma or a dash.
        """
        return _distinct(
            self._after(_LETTER, self._letter, join + form) for join in joins(between) for form in cases(word)
        )

    def continues(self, tokens: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether each token, shape (n,), goes on with the word that stands before it."""
        return (self._kinds_of(tokens) & _CONTINUES).astype(np.bool_)

    def opens(self, tokens: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether a word can begin right after each token, shape (n,), without a space."""
        return (self._kinds_of(tokens) & _OPENS).astype(np.bool_)

    def begins_broken(self, tokens: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether each token, shape (n,), begins with a part of a character."""
        return (self._kinds_of(tokens) & _BROKEN_START).astype(np.bool_)

    def ends_broken(self, tokens: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether each token, shape (n,), ends with a part of a character."""
        return (self._kinds_of(tokens) & _BROKEN_END).astype(np.bool_)

    def text(self, tokens: Sequence[int]) -> str:
        """What tokens stand for after a letter; some decoders leave out a space at the very beginning."""
        return self._vocabulary.text((*self._letter, *tokens))[len(self._letter_text) :]

    def _after(self, context: str, context_tokens: Tokens, text: str) -> Tokens:
        """The tokens of `text` in a context; none for a tokenizer that lets a token reach over the border."""
        tokens = tuple(self._vocabulary.encode(context + text))
        size = len(context_tokens)
        return tokens[size:] if tokens[:size] == context_tokens else ()

    def _kinds_of(self, tokens: NDArray[np.integer]) -> NDArray[np.int8]:
        for token in np.unique(tokens[self._kinds[tokens] < 0]).tolist():
            self._kinds[token] = self._kind(token)
        return self._kinds.take(tokens)

    def _kind(self, token: int) -> int:
        text = self.text((token,))
        if not text:
            return 0
        first, last = text[0], text[-1]
        kind = _CONTINUES * continues_word(first) + _OPENS * opens_word(last)
        return kind + _BROKEN_START * (first == BROKEN) + _BROKEN_END * (last == BROKEN)


def continues_word(character: str) -> bool:
    """Whether a word goes on with this character."""
    return character != BROKEN and is_of_word(character)


def opens_word(character: str) -> bool:
    """Whether a word can begin right after this character, being neither its part nor a space."""
    return not (character == BROKEN or character.isspace() or is_of_word(character))


def cases(word: str) -> tuple[str, ...]:
    """A word as it is, in lower case, capitalised, and in capitals."""
    lower = word.lower()
    return tuple(dict.fromkeys((word, lower, _capitalised(word), _capitalised(lower), word.upper())))


def joins(between: str) -> tuple[str, ...]:
    """How two words may be joined that have `between` between them in the text that is looked up."""
    alike = [
        between.replace(mark, other) for marks in (_APOSTROPHES, _DASHES) for mark in marks for other in marks
    ]
    return tuple(dict.fromkeys((between, *alike, " ", ", ", *_DASHES)))


def _capitalised(word: str) -> str:
    return word[:1].upper() + word[1:]


def _distinct(spellings: Iterable[Sequence[int]]) -> tuple[Tokens, ...]:
    return tuple(dict.fromkeys(tuple(tokens) for tokens in spellings if tokens))
