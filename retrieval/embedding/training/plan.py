"""Which kind of step comes when."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice, takewhile
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["questions", "distillation", "similarity"]


def plan(batches: int, steps: int | None, distil_every: int, similarity_every: int) -> list[tuple[Kind, int]]:
    """Each step's kind and its number among the steps of that kind.

    Args:
        batches: of questions; where `steps` is None there are as many steps as they need.
        steps: of all kinds.
        distil_every: the last one of so many is a distillation step; 0 for none.
        similarity_every: the first one of so many is a similarity step, unless it is one of the former; 0
            for none.
    """
    if steps is not None:
        return list(islice(_endless(distil_every, similarity_every), steps))
    within = takewhile(lambda step: step != ("questions", batches), _endless(distil_every, similarity_every))
    return list(within)


def _endless(distil_every: int, similarity_every: int) -> Iterator[tuple[Kind, int]]:
    numbers: dict[Kind, int] = {"questions": 0, "distillation": 0, "similarity": 0}
    for step in count(1):
        kind: Kind = "questions"
        if distil_every and step % distil_every == 0:
            kind = "distillation"
        elif similarity_every and step % similarity_every == 1 % similarity_every:
            kind = "similarity"
        yield kind, numbers[kind]
        numbers[kind] += 1
