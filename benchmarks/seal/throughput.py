"""How many questions a second the leg answers, decoded together and one at a time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skerry.benchmarks.seal.latency import ask
from skerry.core.progress import Task
from skerry.retrieval.base import Retriever

TOGETHER = 8


@dataclass(frozen=True, slots=True)
class Throughput:
    """Questions a second.

    Attributes:
        alone: one at a time.
        together: `TOGETHER` at a time.
        ratio: the median over the rounds of how much faster the same questions are together.
        ratios: of every round.
    """

    alone: float
    together: float
    ratio: float
    ratios: tuple[float, ...]


def rounds_of(questions: Sequence[str]) -> list[list[str]]:
    """The questions in groups of `TOGETHER`; of too few, one group in which they come again."""
    source = itertools.cycle(questions)
    rounds = max(1, len(questions) // TOGETHER)
    return [list(itertools.islice(source, TOGETHER)) for _ in range(rounds)]


def throughput(retriever: Retriever, questions: Sequence[str], beams: int, task: Task) -> Throughput:
    """Answer each group in both ways, one right after the other; which comes first alternates."""
    rounds = rounds_of(questions)
    ask(retriever, rounds[0], beams)
    alone: list[float] = []
    together: list[float] = []
    for number, group in enumerate(rounds):
        singles = [[question] for question in group]
        ways = [(together, [group]), (alone, singles)]
        for seconds, calls in ways if number % 2 else reversed(ways):
            start = time.perf_counter()
            for call in calls:
                ask(retriever, call, beams)
            seconds.append(time.perf_counter() - start)
        task.advance()
    ratios = [single / joint for single, joint in zip(alone, together, strict=True)]
    count = TOGETHER * len(rounds)
    return Throughput(count / sum(alone), count / sum(together), float(np.median(ratios)), tuple(ratios))
