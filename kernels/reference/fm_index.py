"""Substring queries by looking at every suffix of every passage: the oracle of the native FM-index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

_END = -1  # of a passage, in the sorted strings
_LAST = -2  # of the text


class ReferenceFmIndex:
    """The same operations and the same ranges, from a list of all suffixes, sorted as Python sorts.

    Args:
        passages: token ids of each passage.
        alphabet: tokens are below it.
    """

    def __init__(self, passages: Sequence[Sequence[int]], alphabet: int) -> None:
        self.contents = [list(passage) for passage in passages]
        self.alphabet = alphabet
        self.passages = len(self.contents)
        self.tokens = sum(map(len, self.contents))
        text: list[int] = []
        self._places: list[tuple[int, int]] = []  # of each text position: passage and token, -1 for its mark
        for number, passage in enumerate(self.contents):
            text += [_END, *reversed(passage)]
            self._places += [(number, len(passage))]
            self._places += [(number, token) for token in reversed(range(len(passage)))]
        text += [_END, _LAST]
        self._text = text
        # End marks sort before tokens, the last symbol before all.
        self._suffixes = sorted(range(len(text)), key=lambda start: [t + 2 for t in text[start:]])
        self.rows = len(text)

    def everything(self) -> NDArray[np.int64]:
        return np.array([[0, self.rows]])

    def beginnings(self) -> NDArray[np.int64]:
        return np.array([self._range([_END])])

    def occurrences(self, ngram: Sequence[int]) -> list[tuple[int, int]]:
        """(passage, first token) of every match of a non-empty n-gram, by comparing at every place."""
        wanted = list(ngram)
        return [
            (number, start)
            for number, passage in enumerate(self.contents)
            for start in range(len(passage) - len(wanted) + 1)
            if passage[start : start + len(wanted)] == wanted
        ]

    def find(self, ngram: Sequence[int]) -> tuple[int, int]:
        """The range of a whole n-gram; (0, 0) where it does not occur."""
        return self._range(list(reversed(ngram)))

    def extend(self, low: int, high: int, token: int) -> tuple[int, int]:
        """The range of the n-gram of [low, high) with `token` appended."""
        before = [self._before(row) for row in range(self.rows)]
        if token not in before[low:high]:
            return (0, 0)
        first = sum(symbol < token for symbol in self._text)
        return (first + before[:low].count(token), first + before[:high].count(token))

    def continuations(self, low: int, high: int) -> dict[int, tuple[int, int]]:
        """Every token that follows in [low, high), with the longer n-gram's range."""
        following = {self._before(row) for row in range(low, high)} - {_END, _LAST}
        return {token: self.extend(low, high, token) for token in sorted(following)}

    def locate(self, row: int, length: int) -> tuple[int, int]:
        """Passage and first token of the match of `length` tokens in `row`."""
        position = self._suffixes[row]
        if self._text[position] == _END:  # the beginning of the passage that stands before the mark
            return (self._places[position - 1][0] if position > 0 else -1, 0)
        if self._text[position] == _LAST:
            return (-1, 0)
        passage, last = self._places[position]
        return (passage, last - length + 1)

    def allowed_top(
        self, log_probs: NDArray[np.float32], low: int, high: int, k: int
    ) -> list[tuple[int, tuple[int, int]]]:
        """The k continuations of highest log-prob, the lower token where they are equal, and their ranges."""
        following = [pair for pair in self.continuations(low, high).items() if pair[0] < len(log_probs)]
        return sorted(following, key=lambda pair: (-log_probs[pair[0]], pair[0]))[:k]

    def _range(self, start: Iterable[int]) -> tuple[int, int]:
        wanted = list(start)
        rows = [
            row
            for row, suffix in enumerate(self._suffixes)
            if self._text[suffix : suffix + len(wanted)] == wanted
        ]
        return (rows[0], rows[-1] + 1) if rows else (0, 0)

    def _before(self, row: int) -> int:
        """The symbol in front of the row's suffix; the text is a circle."""
        return self._text[self._suffixes[row] - 1]
