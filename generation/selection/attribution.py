"""Which sentences an answer rests on: the attention that its tokens gave to each."""

from __future__ import annotations

from collections import defaultdict
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
    """Adds up what layers and tokens gave to sentences.

    Args:
        sinks: first rows, which get much attention and mean nothing.
    """

    def __init__(self, sinks: int) -> None:
        self._sinks = sinks
        self._given: dict[tuple[int, int], float] = defaultdict(float)

    def add(self, bounds: NDArray[np.int32], attention: NDArray[np.float64]) -> None:
        """What the pieces [bounds[i], bounds[i + 1]) got; the last one, the tail, does not count."""
        for start, end, given in zip(bounds[:-2], bounds[1:-1], attention, strict=False):
            if start >= self._sinks and end > start:
                self._given[int(start), int(end)] += float(given)

    def sentences(self) -> tuple[SentenceWeight, ...]:
        """With their shares, greatest first."""
        total = sum(self._given.values())
        if not total:
            return ()
        ordered = sorted(self._given.items(), key=lambda item: (-item[1], item[0]))
        return tuple(SentenceWeight(start, end, given / total) for (start, end), given in ordered)


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
