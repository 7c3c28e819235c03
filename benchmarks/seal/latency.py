"""How long the leg takes to answer one question at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skerry.core.deadline import Deadline
from skerry.core.progress import Task
from skerry.retrieval.base import Retriever

LIMIT = 100
"""Passages of a list, as a request has them by default."""
SHOWN = 10
"""Passages whose evidence is looked at."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds a question.

    Attributes:
        processors: the mean of what all processors together spent on it; it tells more than the clock where
            they have other work too.
    """

    median: float
    p90: float
    mean: float
    processors: float

    @classmethod
    def of(cls, seconds: Sequence[float], processors: float) -> Latency:
        """Of at least one question."""
        median, p90 = np.quantile(np.asarray(seconds, np.float64), [0.5, 0.9])
        return cls(float(median), float(p90), float(np.mean(seconds)), processors)


def ask(retriever: Retriever, questions: Sequence[str], beams: int) -> None:
    """Do all that a request does in the leg: lists, and the evidence of what is shown."""
    options = {"beams": beams}
    for found in retriever.retrieve(questions, LIMIT, options, Deadline(None)):
        list(found.evidence[:SHOWN])


def latency(retriever: Retriever, questions: Sequence[str], beams: int, task: Task) -> Latency:
    """Ask the questions one after the other, after one that does not count."""
    ask(retriever, questions[:1], beams)
    seconds = []
    before = time.process_time()
    for question in questions:
        start = time.perf_counter()
        ask(retriever, [question], beams)
        seconds.append(time.perf_counter() - start)
        task.advance()
    return Latency.of(seconds, (time.process_time() - before) / len(questions))
