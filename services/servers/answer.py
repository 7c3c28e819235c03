"""AnswerService: the whole chain, with its parts here or on other servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from skerry.core.deadline import Deadline
from skerry.generation.answer import AnswerPipeline, AnswerRequest, References
from skerry.generation.base import Event, Generator
from skerry.protos.v1 import answer_pb2
from skerry.ranking.plan import RankPlan, check_plan
from skerry.ranking.ranked import RankingChain
from skerry.retrieval.base import RetrievalChain
from skerry.retrieval.quotes import QuoteFinder
from skerry.services.config import AnswerSettings
from skerry.services.convert.answer import answer_request_of
from skerry.services.convert.events import EventWriter
from skerry.services.parts import Part
from skerry.services.servers.retrieval import with_legs
from skerry.services.servers.work import Work

SERVICE = "skerry.v1.AnswerService"


class Chain(NamedTuple):
    """The retrieval of a corpus; the legs to ask by default, none where the other side knows them; what looks
    answers up in the whole corpus, None where nothing can.
    """

    retrieval: RetrievalChain
    legs: tuple[str, ...]
    quotes: QuoteFinder | None = None


Chains = Callable[[str], AbstractContextManager[Chain]]
"""Opens a corpus by its name."""


class AnswerServicer:
    """See protos/skerry/v1/answer.proto. `rankers` gives those that a request for a ranker of this name, or
    for none by name (""), chooses from; None leaves the hits in retrieval's order.
    """

    def __init__(
        self,
        chains: Chains,
        rankers: Callable[[str], RankingChain | None],
        generator: Part[Generator],
        settings: AnswerSettings,
        work: Work,
    ) -> None:
        self._chains = chains
        self._rankers = rankers
        self._generator = generator
        self._defaults = asdict(settings)
        if settings.min_confidence < 0:
            self._defaults["min_confidence"] = None
        self._plan = RankPlan(
            cheap=settings.cheap_ranker,
            strong_depth=settings.strong_depth or None,
            margin=settings.rank_margin or None,
            reserve=settings.rank_reserve or None,
        )
        check_plan(self._plan)
        self._work = work

    async def Answer(self, request: Any, context: Any) -> Any:  # noqa: N802 -- the contract's name
        response = answer_pb2.AnswerResponse()
        async for message in self._stream(request, context):
            kind = message.WhichOneof("event")
            if kind == "references":
                response.references.extend(message.references.references)
                if message.references.HasField("reading"):
                    response.reading.CopyFrom(message.references.reading)
            elif kind == "started":
                response.reuse.extend(message.started.reuse)
                response.no_reuse = message.started.no_reuse
            elif kind == "citation":
                response.citations.append(message.citation)
            elif kind == "completed":
                end = message.completed
                response.text, response.reason = end.text, end.reason
                response.abstention = end.abstention
                response.usage.CopyFrom(end.usage)
                response.timings.CopyFrom(end.timings)
                response.rests_on.extend(end.rests_on)
                response.alternatives.extend(end.alternatives)
                if end.HasField("score"):
                    response.score = end.score
                if end.HasField("quotes"):
                    response.quotes.CopyFrom(end.quotes)
        return response

    async def StreamAnswer(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        async for message in self._stream(request, context):
            yield message

    async def _stream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        wanted = answer_request_of(request.question, request.options, self._defaults, self._plan)
        corpus = request.options.corpus
        writer = EventWriter(answer_pb2.StreamAnswerResponse)
        async for done in self._work.stream(context, lambda deadline: self._run(wanted, corpus, deadline)):
            yield writer.message(done.value, done.total, done.queue)

    def _run(self, request: AnswerRequest, corpus: str, deadline: Deadline) -> Iterator[References | Event]:
        generator = self._generator.get()
        with self._chains(corpus) as chain:
            wanted = replace(request, retrieval=with_legs(request.retrieval, chain.legs))
            rankers = self._rankers(request.ranking.ranker)
            pipeline = AnswerPipeline(chain.retrieval, rankers, generator, chain.quotes)
            yield from pipeline.stream(wanted, deadline)
