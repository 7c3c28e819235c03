"""A generator on transformers: a preallocated cache, an own decode loop, text and citations as they come."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from skerry.core.deadline import Deadline
from skerry.core.dtype import check_dtype
from skerry.core.errors import InvalidInput
from skerry.core.models.store import Model
from skerry.core.timing import Timings
from skerry.generation.abstention import judge
from skerry.generation.base import Completed, Delta, Event, FinishReason, GenerationRequest, Started
from skerry.generation.citations import cite
from skerry.generation.decoding.base import CHOOSERS
from skerry.generation.decoding.text import AnswerText
from skerry.generation.limits import check_decoding, check_question
from skerry.generation.model import LoadedModel, Run
from skerry.generation.prompting import ANSWER_ENDS

_LOCK_POLL = 0.05


class TransformersGenerator:
    """Answers with a causal language model, one request at a time; others wait within their deadlines.

    The weights load at the first request, or at `load()`.

    Args:
        model: from the model store: a transformers folder with a causal language model.
        dtype: "bf16", "fp32", or "auto": bf16 where the device multiplies it in hardware.
        threads: torch's threads (a setting of the whole process); None leaves it as it is.
    """

    def __init__(self, model: Model, dtype: str = "auto", threads: int | None = None) -> None:
        self.name = model.name
        self._model = model
        self._dtype = check_dtype(dtype)
        self._threads = threads
        self._lock = threading.Lock()
        self._loaded: LoadedModel | None = None

    def load(self) -> None:
        """Load the weights now. Raises `IndexCorrupt` when the model's files cannot be read."""
        with self._turn(Deadline(None)):
            self._get()

    def generate(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Event]:
        """`Started`, then `Delta`s, then `Citation`s, then `Completed`.

        `Started.sources` says how many of the sources the prompt holds: the last ones are left out when the
        model's context has no room for them, and only those that were read can be cited.

        Raises:
            InvalidInput: at the call: an empty or too long question, no sources, a knob out of its range;
                when the stream is read: not even one source fits the model.
            DeadlineExceeded, Cancelled: between tokens and chunks of the prompt, while waiting for the turn.
            IndexCorrupt: the model's files cannot be read.
        """
        check_question(request.question)
        check_decoding(request.max_tokens, request.temperature, request.seed, request.stop)
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
        return self._loaded

    def _stream(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Event]:
        timings = Timings()
        asked = time.perf_counter()
        with self._turn(deadline):
            timings.seconds["wait"] = time.perf_counter() - asked
            with timings.measure("load"):
                loaded = self._get()
            with timings.measure("tokenise"):
                room = loaded.context - request.max_tokens
                prompt = loaded.prompting.fit(request.question, request.sources, room)
            method = "sampling" if request.temperature > 0 else "greedy"
            chooser = CHOOSERS.load(method)(request.temperature, request.seed)
            answer = AnswerText(loaded.decode, (*ANSWER_ENDS, *request.stop))
            run = Run(loaded, capacity=len(prompt.tokens) + request.max_tokens)
            with timings.measure("prefill"):
                logits = run.prefill(prompt.tokens, deadline)
            yield Started(prompt_tokens=len(prompt.tokens), cached_tokens=0, sources=prompt.sources)

            reason, count, token = FinishReason.LENGTH, 0, -1
            while count < request.max_tokens:
                deadline.check("answering")
                with timings.measure("decode"):
                    if count:
                        logits = run.step((token,))
                    token = chooser.choose(logits)
                    ended = token in loaded.ends
                    piece = "" if ended else answer.push(token)
                count += not ended
                if piece:
                    yield Delta(piece)
                if ended or answer.stopped:
                    reason = FinishReason.STOP
                    break
        # From here on the model is free for the next caller.
        tail = answer.finish()
        if tail:
            yield Delta(tail)
        sources = request.sources[: prompt.sources]
        with timings.measure("cite"):
            citations = cite(answer.text, sources)
        yield from citations
        abstention = judge(answer.text, sources)
        yield Completed(
            reason=FinishReason.ABSTAINED if abstention else reason,
            text=answer.text,
            prompt_tokens=len(prompt.tokens),
            cached_tokens=0,
            answer_tokens=count,
            abstention=abstention,
            timings=dict(timings.seconds),
        )
