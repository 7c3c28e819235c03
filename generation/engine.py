"""A generator on transformers: a preallocated cache, an own decode loop, text and citations as they come."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from skerry.core.deadline import Deadline
from skerry.core.dtype import check_dtype
from skerry.core.errors import BackendUnavailable, InvalidInput
from skerry.core.memory import give_back_freed_memory
from skerry.core.models.store import Model
from skerry.core.timing import Timings
from skerry.generation.abstention import judge
from skerry.generation.base import (
    Alternative,
    Completed,
    Delta,
    Event,
    FinishReason,
    GenerationRequest,
    Source,
)
from skerry.generation.beams import check_beams
from skerry.generation.branching import check_can_branch
from skerry.generation.citations import cite
from skerry.generation.limits import check_decoding, check_question
from skerry.generation.model import LoadedModel
from skerry.generation.plan import DEFAULTS, ContextPlan, check_context
from skerry.generation.reading import Reading
from skerry.generation.supports import Supports
from skerry.generation.writing import Written, find, write

if TYPE_CHECKING:
    from skerry.generation.cache.passage_kv import PassageKVStore
    from skerry.generation.reuse.splice import PassageReuse

_LOCK_POLL = 0.05
NO_STORE = "nothing is kept of earlier prompts: the generator has no store"


class TransformersGenerator:
    """Answers with a causal language model, one request at a time; others wait within their deadlines.

    The weights load at the first request, or at `load()`.

    Args:
        model: from the model store: a transformers folder with a causal language model.
        dtype: "bf16", "fp32", or "auto": bf16 where the device multiplies it in hardware.
        threads: torch's threads (a setting of the whole process); None leaves it as it is.
        store: keeps passages' keys and values; None computes all for every prompt.
        context: what a request gets that says nothing of it; see `ContextPlan`.

    Attributes:
        context: the same, with every field set.
    """

    def __init__(
        self,
        model: Model,
        dtype: str = "auto",
        threads: int | None = None,
        store: PassageKVStore | None = None,
        context: ContextPlan = DEFAULTS,
    ) -> None:
        self.name = model.name
        self._model = model
        self._dtype = check_dtype(dtype)
        self._threads = threads
        self._store = store
        check_context(context)
        self.context = context.over(DEFAULTS)
        self._lock = threading.Lock()
        self._loaded: LoadedModel | None = None
        self._reuse: PassageReuse | None = None

    def load(self) -> None:
        """Load the weights now. Raises `IndexCorrupt` when the model's files cannot be read."""
        with self._turn(Deadline(None)):
            self._get()

    def loaded(self) -> LoadedModel:
        """The model itself, for who measures it; loads it. Errors as `load`."""
        with self._turn(Deadline(None)):
            return self._get()

    def prepare(self, sources: Sequence[Source], deadline: Deadline) -> int:
        """Read sources alone whose keys and values are not kept yet, so that later prompts find them.

        Returns:
            How many were read.

        Raises:
            BackendUnavailable: the generator has no store, or the model's keys cannot be moved.
            DeadlineExceeded, Cancelled: between sources; those before are kept.
        """
        with self._turn(deadline):
            loaded = self._get()
            obstacle = NO_STORE if self._reuse is None else self._reuse.obstacle
            if self._reuse is None or obstacle:
                raise BackendUnavailable(
                    f"Passages cannot be kept: {obstacle}.",
                    hint="Set [generation.cache], and use a model that rotates its keys.",
                    details={"model": self.name},
                )
            passages = [loaded.prompting.passage(source) for source in sources]
            return self._reuse.prepare(passages, deadline)

    def generate(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Event]:
        """`Started`, then `Delta`s, then `Citation`s, then `Completed`.

        `Started.sources` says how many of the sources the prompt holds: the last ones are left out when the
        model's context has no room for them, and only those that were read can be cited.

        Raises:
            InvalidInput: at the call: an empty or too long question, no sources, a knob out of its range;
                when the stream is read: not even one source fits the model, or it cannot search with beams.
            DeadlineExceeded, Cancelled: between tokens and chunks of the prompt, while waiting for the turn.
            IndexCorrupt: the model's files cannot be read.
        """
        check_question(request.question)
        check_decoding(request.max_tokens, request.temperature, request.seed, request.stop)
        check_context(request.context)
        context = request.context.over(self.context)
        check_beams(request.beams, request.max_tokens, request.temperature, context)
        if not request.sources:
            raise InvalidInput("No sources are given.", hint="Retrieve first.", details={"field": "sources"})
        return self._stream(request, deadline)

    @contextmanager
    def _turn(self, deadline: Deadline) -> Iterator[None]:
        """Hold the model. Waiting is cut into short waits, so that a caller who goes away is noticed."""
        while not self._lock.acquire(timeout=_LOCK_POLL):
            deadline.check("waiting for the generator")
        try:
            deadline.check("waiting for the generator")
            yield
        finally:
            self._lock.release()

    def _get(self) -> LoadedModel:
        if self._loaded is None:
            self._loaded = LoadedModel(self._model, self._dtype, self._threads)
            if self._store is not None:
                from skerry.generation.reuse.splice import PassageReuse

                self._reuse = PassageReuse(self._loaded, self._store)
        return self._loaded

    def _obstacle(self, plan: ContextPlan) -> str:
        """Why nothing is reused; empty where something may be, or nothing is asked for."""
        if not plan.reuse:
            return ""
        return NO_STORE if self._reuse is None else self._reuse.obstacle

    def _stream(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Event]:
        timings = Timings()
        asked = time.perf_counter()
        plan = request.context.over(self.context)
        with self._turn(deadline):
            timings.seconds["wait"] = time.perf_counter() - asked
            with timings.measure("load"):
                loaded = self._get()
            with timings.measure("tokenise"):
                room = loaded.context - request.max_tokens
                prompt = loaded.prompting.fit(request.question, request.sources, room)
            sources = request.sources[: prompt.sources]
            if request.beams.beams > 1:
                check_can_branch(loaded)
            obstacle = self._obstacle(plan)
            reuse = self._reuse if plan.reuse and not obstacle else None
            capacity = len(prompt.tokens) + request.max_tokens * request.beams.beams
            reading = Reading(loaded, prompt, plan, capacity, reuse, deadline, timings)
            yield reading.started(sources, obstacle)

            if request.beams.beams > 1:
                written, *others = find(request, loaded, reading, deadline, timings)
            else:
                written, others = (yield from write(request, loaded, reading, deadline, timings)), []
        # From here on the model is free for the next caller.
        if written.held:
            yield Delta(written.held)
        with timings.measure("cite"):
            supports = reading.supports(sources)
            citations = tuple(supports.cited(cite(written.text, sources)))
            rests_on = supports.sentences()
            alternatives = tuple(_alternative(other, sources, supports) for other in others)
        yield from citations
        abstention = judge(written.text, sources)
        cached = reading.cached_tokens
        if reuse is not None:
            with timings.measure("keep"):
                if reading.keep(reuse):
                    # What this prompt took fits the next one, of another length, badly.
                    del reading
                    give_back_freed_memory()
        yield Completed(
            reason=FinishReason.ABSTAINED if abstention else written.reason,
            text=written.text,
            prompt_tokens=len(prompt.tokens),
            cached_tokens=cached,
            answer_tokens=written.tokens,
            abstention=abstention,
            timings=dict(timings.seconds),
            rests_on=rests_on,
            score=written.score,
            alternatives=alternatives,
        )


def _alternative(written: Written, sources: Sequence[Source], supports: Supports) -> Alternative:
    assert written.score is not None
    return Alternative(
        text=written.text,
        score=written.score,
        reason=FinishReason.ABSTAINED if judge(written.text, sources) else written.reason,
        citations=tuple(supports.cited(cite(written.text, sources))),
    )
