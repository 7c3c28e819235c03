"""The whole chain: a question in; references, then a streamed answer with proven citations, out."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.core.timing import Timings
from skerry.generation.abstention import nothing_found, nothing_read, too_weak
from skerry.generation.base import (
    Citation,
    Completed,
    Event,
    FinishReason,
    GenerationRequest,
    Generator,
    Source,
)
from skerry.generation.beams import NO_SEARCH, BeamPlan, check_beams
from skerry.generation.limits import check_decoding, check_number, check_question, check_whole
from skerry.generation.plan import ANY_CONTEXT, ContextPlan, check_context
from skerry.ranking.plan import FIRST_HITS, RankPlan, check_plan
from skerry.ranking.ranked import RankingChain, Reading
from skerry.ranking.rerank import RankedHit, rerank
from skerry.retrieval.base import RetrievalChain, RetrievalRequest, RetrievalResult
from skerry.retrieval.quotes import Quote, QuoteFinder


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """What to answer, and from how much.

    Attributes:
        question: what the model reads; `retrieval.query` is what is searched for, usually the same words.
        retrieval: legs, fusion and how many hits.
        ranking: by whom the hits are ranked, how far, and when to stop.
        passages: how many of the best hits the model reads, 1 to 64.
        min_confidence: abstain when no passage has at least this calibrated probability to answer;
            None never abstains for that. Needs a ranker.
        max_tokens, temperature, seed, stop, context, beams: see `GenerationRequest`.
    """

    question: str
    retrieval: RetrievalRequest
    ranking: RankPlan = FIRST_HITS
    passages: int = 5
    min_confidence: float | None = None
    max_tokens: int = 64
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    context: ContextPlan = ANY_CONTEXT
    beams: BeamPlan = NO_SEARCH


@dataclass(frozen=True, slots=True)
class References:
    """The first event: every hit, best first; the model is given the first `given` of them.

    Without a ranker the hits stand in retrieval's order, `score` is retrieval's and `calibrated` is NaN, and
    there is no `reading`, which says how far the ranker read.
    """

    hits: tuple[RankedHit, ...]
    given: int = 0
    reading: Reading | None = None


class AnswerPipeline:
    """Retrieves, ranks, answers and cites. As safe to call from several threads as its parts are.

    Args:
        retrieval: a local pipeline over an index, or a client of a running service.
        rankers: those that a request can choose from; None leaves the hits in retrieval's order.
        generator: reads the best passages.
        quotes: looks the answer's words up in the whole corpus; None leaves them unchecked.
    """

    def __init__(
        self,
        retrieval: RetrievalChain,
        rankers: RankingChain | None,
        generator: Generator,
        quotes: QuoteFinder | None = None,
    ) -> None:
        self._retrieval = retrieval
        self._rankers = rankers
        self._generator = generator
        self._quotes = quotes

    def stream(self, request: AnswerRequest, deadline: Deadline) -> Iterator[References | Event]:
        """`References`, then the generator's events; `Completed` carries the timings of every stage, and what
        the corpus says of the answer's words where that is checked.

        When there is nothing to answer from, `Completed` follows the references at once, with the reason.

        Raises:
            InvalidInput: at the call: a field out of its range. Everything else when the stream is read: what
                the parts raise.
        """
        self._check(request)
        return self._events(request, deadline)

    def _check(self, request: AnswerRequest) -> None:
        check_question(request.question)
        check_plan(request.ranking)
        check_whole("passages", request.passages, 1, 64)
        check_decoding(request.max_tokens, request.temperature, request.seed, request.stop)
        check_context(request.context)
        check_beams(request.beams, request.max_tokens, request.temperature, request.context)
        if request.min_confidence is not None:
            check_number("min_confidence", request.min_confidence, 0.0, 1.0)
            if self._rankers is None:
                raise InvalidInput(
                    "min_confidence is given, but there is no ranker to judge the passages.",
                    hint="Turn the ranker on, or leave min_confidence out.",
                    details={"field": "min_confidence"},
                )

    def _events(self, request: AnswerRequest, deadline: Deadline) -> Iterator[References | Event]:
        begun = time.perf_counter()
        timings = Timings()
        with timings.measure("retrieve"):
            [result] = self._retrieval.retrieve([request.retrieval], deadline)
        for stage, seconds in result.timings.items():
            if stage != "total":
                timings.seconds[f"retrieve.{stage}"] = seconds
        with timings.measure("rank"):
            hits, reading = self._rank(request, result, deadline)
        best = hits[: request.passages]
        yield References(hits, len(best), reading)

        abstention = self._before_reading(request, best, reading)
        if abstention:
            timings.seconds["total"] = time.perf_counter() - begun
            yield Completed(FinishReason.ABSTAINED, "", 0, 0, 0, abstention, dict(timings.seconds))
            return
        sources = tuple(
            Source(ranked.hit.passage.id, ranked.hit.passage.title, ranked.hit.passage.text, ranked.score)
            for ranked in best
        )
        generation = GenerationRequest(
            question=request.question,
            sources=sources,
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            seed=request.seed,
            stop=request.stop,
            context=request.context,
            beams=request.beams,
        )
        citations: list[Citation] = []
        quotes: tuple[Quote, ...] | None = None
        started = time.perf_counter()
        for event in self._generator.generate(generation, deadline):
            if isinstance(event, Completed):
                timings.seconds["generate"] = time.perf_counter() - started
                for stage, seconds in event.timings.items():
                    timings.seconds[f"generate.{stage}"] = seconds
                if self._quotes is not None and event.reason is not FinishReason.ABSTAINED:
                    with timings.measure("quotes"):
                        quotes = self._quotes.find(
                            event.text,
                            deadline,
                            first=[source.id for source in sources],
                            proven=[(item.answer_start, item.answer_end) for item in citations],
                        )
                timings.seconds["total"] = time.perf_counter() - begun
                yield dataclasses.replace(event, quotes=quotes, timings=dict(timings.seconds))
                continue
            if isinstance(event, Citation):
                citations.append(event)
            yield event

    def _rank(
        self, request: AnswerRequest, result: RetrievalResult, deadline: Deadline
    ) -> tuple[tuple[RankedHit, ...], Reading | None]:
        if self._rankers is None:
            hits = (RankedHit(hit=hit, score=hit.score, calibrated=math.nan) for hit in result.hits)
            return tuple(hits), None
        if not result.hits:
            return (), None
        return rerank(self._rankers, request.question, result.hits, request.ranking, deadline)

    def _before_reading(
        self, request: AnswerRequest, best: tuple[RankedHit, ...], reading: Reading | None
    ) -> str:
        if not best:
            return nothing_found()
        if request.min_confidence is None:
            return ""
        if reading is not None and not (reading.read or reading.cheap):
            return nothing_read()
        return too_weak(max(ranked.calibrated for ranked in best), request.min_confidence)
