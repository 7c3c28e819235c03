"""Which sentences an answer rests on: the attention that its tokens gave to each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SentenceWeight:
    """A sentence, or a piece of a long one, and its part of the answer's attention.

    Attributes:
        start, end: rows of the cache, which are tokens of the prompt and the answer.
        weight: share of the attention to all sentences but the always-read first rows, 0 to 1.
    """

    start: int
    end: int
    weight: float


@runtime_checkable
class Attributes(Protocol):
    """A selector that says what its answer rests on."""

    def attribution(self) -> tuple[SentenceWeight, ...]:
        """Most attention first; nothing where everything was in the budget."""
        ...


class Attributed:
    """Adds up what layers and tokens gave to the units of one sequence's layout.

    Units are never cut anew, so a later layout has the earlier one's units at its begin.
    """

    def __init__(self) -> None:
        self._bounds = np.zeros(0, dtype=np.int32)
        self._given = np.zeros(0)

    def add(self, bounds: NDArray[np.int32], attention: NDArray[np.float64]) -> None:
        """What the units [bounds[i], bounds[i + 1]) got.

        Args:
            bounds: (units + 1,).
            attention: (units,).
        """
        if len(attention) > len(self._given):
            self._given = np.append(self._given, np.zeros(len(attention) - len(self._given)))
        self._given[: len(attention)] += attention
        self._bounds = bounds

    def sentences(self) -> tuple[SentenceWeight, ...]:
        """With their shares, greatest first."""
        total = self._given.sum()
        if not total:
            return ()
        ordered = np.argsort(-self._given, kind="stable")
        return tuple(
            SentenceWeight(int(self._bounds[n]), int(self._bounds[n + 1]), float(self._given[n] / total))
            for n in ordered
            if self._bounds[n] < self._bounds[n + 1]
        )


def support(sentences: Iterable[SentenceWeight], start: int, end: int) -> float:
    """How much of the attention the sentences got that the rows [start, end) touch, 0 to 1."""
    return sum(one.weight for one in sentences if one.start < end and start < one.end)


def rows_of(tokenizer: Any, tokens: Sequence[int], start: int, end: int) -> tuple[int, int]:
    """The tokens, first and behind the last, that hold the characters [start, end) of their own text.

    Args:
        tokenizer: a transformers tokenizer.
    """
    from skerry.generation.selection.sentence_ends import TokenText

    read = TokenText(tokenizer)
    widths = [len(read.push(token)) for token in tokens]
    ends = np.cumsum(widths)
    first = int(np.searchsorted(ends, start, side="right"))
    while first and not widths[first - 1]:  # of a character that several tokens share
        first -= 1
    last = int(np.searchsorted(ends, end, side="left"))
    return first, min(last + 1, len(tokens))
