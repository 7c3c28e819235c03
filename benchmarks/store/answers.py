"""Asks a generator that keeps what it reads in the store."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from skerry.benchmarks.memory import memory
from skerry.benchmarks.store.units import Unit
from skerry.benchmarks.store.windows import Asked
from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, SkerryError
from skerry.core.memory import give_back_freed_memory
from skerry.generation.base import CacheReuse, GenerationRequest, Started
from skerry.generation.cache.store.tiered import TieredStore
from skerry.generation.engine import TransformersGenerator
from skerry.generation.plan import PLAIN, ContextPlan


class AnswersAsker:
    """One question after the other.

    Args:
        generator: with the store.
        store: the same.
        units: by the stream's numbers, and one more that is none of the stream's: it is answered, after the
            longest one has been answered plainly, before memory is looked at.
        context: how prompts are read.
        max_tokens: of an answer.

    Raises:
        BackendUnavailable: the model's keys cannot be moved.
        SkerryError: the first answers fail.
    """

    def __init__(
        self,
        generator: TransformersGenerator,
        store: TieredStore,
        units: Sequence[Unit],
        context: ContextPlan,
        max_tokens: int,
    ) -> None:
        self._generator = generator
        self._units = units
        self._context = context
        self._max_tokens = max_tokens
        self._answer(max(units, key=lambda unit: sum(len(source.text) for source in unit.sources)), PLAIN)
        self._answer(units[-1], context)
        store.flush()
        give_back_freed_memory()
        held = sum(tier.nbytes or 0 for tier in store.counts().tiers if tier.tier == "memory")
        self._before = memory().resident - held

    def ask(self, question: int) -> Asked:
        """Answer it; `seconds` is until the first token is known."""
        unit = self._units[question]
        seconds, reuse, problem = 0.0, tuple[CacheReuse, ...](), ""
        try:
            seconds, reuse = self._answer(unit, self._context)
        except SkerryError as error:
            problem = str(error)
        tiers, reused = Counter[str](), Counter[str]()
        for one in reuse:
            if one.tier:
                tiers[one.tier] += 1
                reused[one.tier] += one.reused_tokens
        tokens = sum(one.tokens for one in reuse)
        grown = memory().resident - self._before
        return Asked(len(unit.sources), dict(tiers), tokens, dict(reused), seconds, grown, problem)

    def _answer(self, unit: Unit, context: ContextPlan) -> tuple[float, tuple[CacheReuse, ...]]:
        """Seconds to the first token, and what was reused."""
        request = GenerationRequest(unit.question, unit.sources, max_tokens=self._max_tokens, context=context)
        began = time.perf_counter()
        events = self._generator.generate(request, Deadline(None))
        started = next(events)
        seconds = time.perf_counter() - began
        assert isinstance(started, Started)
        for _ in events:
            pass
        if started.no_reuse:
            raise BackendUnavailable(
                f"The model's answers cannot use the store: {started.no_reuse}.", hint="Give another --model."
            )
        return seconds, started.reuse
