"""What stands for questions in a step: real ones, some with another subject, and pieces of passages.

A real question has evidence, but there are never enough of them to know all words. So in some of them a rare
word gives way to rare words of a passage, and a piece of a passage asks for itself.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import int32
from numpy.typing import NDArray

_OFTEN = 0.02
"""A token in more of the texts than this share is not rare."""
_PIECE = (5, 22)
_SUBJECT = 4


@dataclass(frozen=True, slots=True)
class ShortTexts:
    """One step's.

    Attributes:
        tokens: of all of them, questions first.
        questions: the numbers of the questions.
    """

    tokens: list[NDArray[int32]]
    questions: list[int]


class ShortTextSource:
    """Draws short texts.

    Args:
        questions: their tokens, special ones first and last.
        texts: tokens of passages, likewise.
        share: of the short texts that are questions with another subject, and of pieces, each.
        longest: tokens of a short text.
    """

    def __init__(
        self,
        questions: Sequence[NDArray[int32]],
        texts: Sequence[NDArray[int32]],
        share: float,
        longest: int,
    ) -> None:
        self._questions, self._share, self._longest = questions, share, longest
        self._first, self._last = questions[0][:1], questions[0][-1:]
        self._tokens = np.concatenate([ids[1:-1] for ids in texts])
        often = np.bincount(np.concatenate([np.unique(ids) for ids in texts])) > _OFTEN * len(texts)
        self._often = frozenset(np.flatnonzero(often).tolist())
        self._rare = np.flatnonzero(~often[self._tokens])

    def draw(self, count: int, rng: random.Random) -> ShortTexts:
        """So many of them."""
        others = round(count * self._share)
        numbers = [rng.randrange(len(self._questions)) for _ in range(count - 2 * others)]
        swapped = [
            self._swapped(self._questions[rng.randrange(len(self._questions))], rng) for _ in range(others)
        ]
        pieces = [self._piece(rng) for _ in range(others)]
        return ShortTexts([*(self._questions[number] for number in numbers), *swapped, *pieces], numbers)

    def _swapped(self, question: NDArray[int32], rng: random.Random) -> NDArray[int32]:
        """The question with one run of its rare tokens replaced by rare ones of a text."""
        ids = question.tolist()
        rare = [place for place in range(1, len(ids) - 1) if ids[place] not in self._often]
        if not rare or not len(self._rare):
            return question
        start = rng.choice(rare)
        end = start + 1
        while end < len(ids) - 1 and ids[end] not in self._often:
            end += 1
        place = int(self._rare[rng.randrange(len(self._rare))])
        subject = self._tokens[place : place + rng.randint(1, _SUBJECT)]
        made = np.concatenate([question[:start], subject, question[end:-1]])[: self._longest - 1]
        return np.concatenate([made, self._last])

    def _piece(self, rng: random.Random) -> NDArray[int32]:
        length = min(rng.randint(*_PIECE), len(self._tokens))
        start = rng.randrange(len(self._tokens) - length + 1)
        return np.concatenate([self._first, self._tokens[start : start + length], self._last])
