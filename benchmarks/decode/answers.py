"""What answers cost a model in bits of surprise, with each selector, on a context that is read once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch

from skerry.benchmarks.decode.contexts import Asked, Context
from skerry.core.deadline import Deadline
from skerry.core.progress import Task
from skerry.generation.attention.dense import Dense
from skerry.generation.attention.state import AttentionState, RowRanges
from skerry.generation.model import LoadedModel, Run
from skerry.generation.selection.base import KeyValueSelector, make_selector
from skerry.generation.selection.indifferent import Indifferent
from skerry.generation.selection.ranges import all_rows
from skerry.generation.selection.sentence_ends import SentenceTracker, sentence_ends


@dataclass(frozen=True, slots=True)
class Method:
    """A selector and its budget."""

    selector: str
    budget: int

    @property
    def name(self) -> str:
        """As tables have it."""
        return "full" if self.selector == "full" else f"{self.selector} {self.budget}"


@dataclass(frozen=True, slots=True)
class Surprise:
    """Of one gold answer under one method: the sum of -log p over its tokens, in nats, and the tokens.

    `through`: the question was read through the selector as well, a token at a time.
    """

    method: str
    context: int
    question: int
    nats: float
    tokens: int
    through: bool = False


class Recorder(Indifferent):
    """Reads all rows, and keeps what the layers asked of a prompt's end, for other selectors to observe."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, torch.Tensor, torch.Tensor]] = []

    def observe(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> None:
        """Keep them; the keys are views of the cache."""
        self.seen.append((layer, queries, keys))

    def select(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> RowRanges:
        """All rows."""
        return all_rows(keys)


class Reading:
    """A context in a cache, and questions that are put to it one after the other.

    Args:
        loaded: the model.
        context: what is read, once.
        room: tokens for a question and its answer.
    """

    def __init__(self, loaded: LoadedModel, context: Context, room: int) -> None:
        self.loaded, self.context = loaded, context
        self.run = Run(loaded, len(context.tokens) + room, AttentionState(Dense()))
        self.run.prefill(context.tokens, Deadline(None))
        self._ends = sentence_ends(loaded.tokenizer, context.tokens)

    def ask(self, asked: Asked) -> Question:
        """Read the question's end behind the context; what an earlier question left there is dropped."""
        self.run.forget(len(self.context.tokens))
        recorder = Recorder()
        self.run.attention = AttentionState(selector=recorder)
        logits = self.run.step(asked.tail)
        start = len(self.context.tokens)
        ends = (*self._ends, *(start + end for end in sentence_ends(self.loaded.tokenizer, asked.tail)))
        return Question(self, asked, logits, recorder, ends)

    def surprise_through(self, asked: Asked, method: Method) -> float:
        """-log p of the gold answer, in nats, when the question goes through the selector too.

        A harder test than use: there a question is read as a whole, and sees everything.
        """
        run = self.run
        run.forget(len(self.context.tokens))
        selector = make_selector(method.selector, method.budget)
        selector.begin([self._ends])
        run.attention = AttentionState(selector=selector)
        tracker, nats = SentenceTracker(self.loaded.tokenizer), 0.0
        fed = (*asked.tail, *asked.answer)
        for number, (token, following) in enumerate(pairwise(fed)):
            selector.advance([tracker.push(token) or number == 0])
            logits = run.step([token])
            if number + 1 >= len(asked.tail):
                nats -= float(torch.log_softmax(logits.float(), dim=-1)[following])
        return nats


class Question:
    """A question that has been read; each method answers it anew."""

    def __init__(
        self,
        reading: Reading,
        asked: Asked,
        logits: torch.Tensor,
        recorder: Recorder,
        ends: Sequence[int],
    ) -> None:
        self._reading, self._asked, self._logits, self._recorder = reading, asked, logits, recorder
        self._ends = ends
        self._read = len(reading.context.tokens) + len(asked.tail)

    def _start(self, method: Method) -> tuple[Run, KeyValueSelector, SentenceTracker]:
        run = self._reading.run
        run.forget(self._read)
        selector = make_selector(method.selector, method.budget)
        selector.begin([self._ends])
        for layer, queries, keys in self._recorder.seen:
            selector.observe(layer, queries, keys)
        run.attention = AttentionState(selector=selector)
        return run, selector, SentenceTracker(self._reading.loaded.tokenizer)

    def surprise(self, method: Method) -> float:
        """-log p of the gold answer, in nats."""
        run, selector, tracker = self._start(method)
        logits, nats = self._logits, 0.0
        for number, token in enumerate(self._asked.answer):
            if number:
                last = self._asked.answer[number - 1]
                selector.advance([tracker.push(last)])
                logits = run.step([last])
            nats -= float(torch.log_softmax(logits.float(), dim=-1)[token])
        return nats

    def answer(self, method: Method, tokens: int) -> str:
        """What the model says, greedily, at most `tokens` tokens."""
        run, selector, tracker = self._start(method)
        logits, said = self._logits, []
        for _ in range(tokens):
            token = int(logits.argmax())
            if token in self._reading.loaded.ends:
                break
            said.append(token)
            selector.advance([tracker.push(token)])
            logits = run.step([token])
        return self._reading.loaded.decode(said)


def surprises(
    loaded: LoadedModel,
    contexts: Sequence[Context],
    methods: Sequence[Method],
    through: int,
    task: Task,
) -> Iterator[Surprise]:
    """Every question of every context under every method; the first `through` of each read through it too."""
    for number, context in enumerate(contexts):
        room = max(len(asked.tail) + len(asked.answer) for asked in context.questions)
        reading = Reading(loaded, context, room)
        for place, asked in enumerate(context.questions):
            tokens = len(asked.answer)
            question = reading.ask(asked)
            for method in methods:
                yield Surprise(method.name, number, place, question.surprise(method), tokens)
            if place < through:
                for method in methods:
                    nats = reading.surprise_through(asked, method)
                    yield Surprise(method.name, number, place, nats, tokens, through=True)
            task.advance()
