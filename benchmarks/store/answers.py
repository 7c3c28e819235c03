"""Asks a generator that keeps what it reads in the store."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from skerry.benchmarks.memory import memory
from skerry.benchmarks.store.units import Unit
from skerry.benchmarks.store.windows import Asked
from skerry.core.deadline import Deadline
from skerry.core.errors import SkerryError
from skerry.generation.base import GenerationRequest, Started
from skerry.generation.engine import TransformersGenerator
from skerry.generation.plan import PLAIN, ContextPlan


class AnswersAsker:
    """One question after the other.

    Args:
        generator: with the store. The longest question is answered plainly before memory is looked at.
        units: by the stream's numbers.
        context: how prompts are read.
        max_tokens: of an answer.
    """

    def __init__(
        self, generator: TransformersGenerator, units: Sequence[Unit], context: ContextPlan, max_tokens: int
    ) -> None:
        self._generator = generator
        self._units = units
        self._context = context
        self._max_tokens = max_tokens
        self._answer(max(units, key=lambda unit: sum(len(source.text) for source in unit.sources)), PLAIN)
        self._before = memory().resident

    def ask(self, question: int) -> Asked:
        """Answer it; `seconds` is until the first token is known."""
        unit = self._units[question]
        tiers, failed, seconds = Counter[str](), False, 0.0
        try:
            tiers, seconds = self._answer(unit, self._context)
        except SkerryError:
            failed = True
        return Asked(len(unit.sources), tiers, failed, seconds, memory().resident - self._before)

    def _answer(self, unit: Unit, context: ContextPlan) -> tuple[Counter[str], float]:
        request = GenerationRequest(unit.question, unit.sources, max_tokens=self._max_tokens, context=context)
        tiers: Counter[str] = Counter()
        seconds = float("nan")
        began = time.perf_counter()
        for event in self._generator.generate(request, Deadline(None)):
            if isinstance(event, Started):
                seconds = time.perf_counter() - began
                tiers = Counter(one.tier for one in event.reuse if one.tier)
        return tiers, seconds
