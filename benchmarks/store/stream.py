"""Which questions come, in which order: popular ones again and again, and others that are asked once."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stream:
    """A drawn stream.

    Attributes:
        numbers: of the questions in order: those below `popular` come again, every other comes once.
        popular: how many come again.
    """

    numbers: tuple[int, ...]
    popular: int

    @property
    def different(self) -> int:
        """How many questions there are: one more than the highest number."""
        return max(self.popular, 1 + max(self.numbers))


def draw_stream(questions: int, popular: int, novel: float, exponent: float, seed: int) -> Stream:
    """`questions` in all, each novel with the probability `novel`, else popular by Zipf's law.

    Args:
        exponent: the popular question of rank r is drawn in proportion to r ** -exponent.
    """
    draw = random.Random(seed)
    weights = [rank**-exponent for rank in range(1, popular + 1)]
    numbers, unseen = [], popular
    for again in draw.choices(range(popular), weights, k=questions):
        if draw.random() < novel:
            numbers.append(unseen)
            unseen += 1
        else:
            numbers.append(again)
    return Stream(tuple(numbers), popular)
