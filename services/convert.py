"""Between the wire and the domain: every message that has a counterpart there, in both directions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from google.protobuf.duration_pb2 import Duration
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput, NotFound
from skerry.generation.answer import AnswerRequest, References
from skerry.generation.base import (
    Citation,
    Completed,
    Delta,
    Event,
    FinishReason,
    GenerationRequest,
    Source,
    Started,
)
from skerry.protos.v1 import answer_pb2, embedding_pb2, generation_pb2, ranking_pb2, retrieval_pb2, types_pb2
from skerry.ranking.base import Candidate, RankRequest, RankScores
from skerry.ranking.rerank import RankedHit
from skerry.retrieval.base import (
    Evidence,
    Hit,
    LegRequest,
    LegScore,
    Option,
    RetrievalRequest,
    RetrievalResult,
)
from skerry.retrieval.corpus.records import Anchor, Page, Passage, Span

_FUSIONS = {
    "rrf": types_pb2.FUSION_RRF,
    "convex": types_pb2.FUSION_CONVEX,
    "learned": types_pb2.FUSION_LEARNED,
}
_FUSION_NAMES = {number: name for name, number in _FUSIONS.items()}
_REASONS = {
    FinishReason.STOP: generation_pb2.FINISH_REASON_STOP,
    FinishReason.LENGTH: generation_pb2.FINISH_REASON_LENGTH,
    FinishReason.ABSTAINED: generation_pb2.FINISH_REASON_ABSTAINED,
}
_REASON_NAMES = {number: reason for reason, number in _REASONS.items()}
_VECTOR_TYPES = {embedding_pb2.VECTOR_TYPE_FLOAT32: "<f4", embedding_pb2.VECTOR_TYPE_FLOAT16: "<f2"}
_QUEUE = "queue"


def duration(seconds: float) -> Duration:
    """Seconds, to the nanosecond; NaN and what is below 0 count as 0."""
    whole, part = divmod(max(0, round((0.0 if math.isnan(seconds) else seconds) * 1e9)), 10**9)
    return Duration(seconds=whole, nanos=part)


def seconds_of(value: Duration) -> float:
    """A duration in seconds."""
    return float(value.seconds + value.nanos / 1e9)


def timings(stages: Mapping[str, float], total: float, queue: float = 0.0) -> types_pb2.Timings:
    """Seconds by stage, and in all."""
    return types_pb2.Timings(
        total=duration(total),
        queue=duration(queue),
        stages=[
            types_pb2.StageTiming(stage=stage, duration=duration(seconds))
            for stage, seconds in stages.items()
            if stage not in ("total", _QUEUE)
        ],
    )


def stages_of(message: types_pb2.Timings) -> dict[str, float]:
    """Seconds by stage; "queue" and "total" are the server's own."""
    stages = {stage.stage: seconds_of(stage.duration) for stage in message.stages}
    return {**stages, _QUEUE: seconds_of(message.queue), "total": seconds_of(message.total)}


def text_range(text: str, start: int, end: int) -> types_pb2.TextRange:
    """Characters [start, end) of `text`, with the same run in UTF-8 bytes."""
    first = len(text[:start].encode())
    return types_pb2.TextRange(
        start_character=start,
        end_character=end,
        start_byte=first,
        end_byte=first + len(text[start:end].encode()),
    )


def passage(value: Passage) -> types_pb2.Passage:
    span = value.span
    return types_pb2.Passage(
        id=value.id,
        page_id=value.page_id,
        title=value.title,
        section=value.section,
        text=value.text,
        span=types_pb2.Span(
            start_paragraph=span.start_paragraph,
            start_character=span.start_character,
            end_paragraph=span.end_paragraph,
            end_character=span.end_character,
        ),
        ordinal=value.ordinal,
        text_bytes=len(value.text.encode()),
    )


def passage_of(message: types_pb2.Passage) -> Passage:
    span = message.span
    return Passage(
        ordinal=message.ordinal,
        id=message.id,
        page_id=message.page_id,
        title=message.title,
        section=message.section,
        text=message.text,
        span=Span(span.start_paragraph, span.start_character, span.end_paragraph, span.end_character),
    )


def hit(value: Hit) -> types_pb2.Hit:
    return types_pb2.Hit(
        passage=passage(value.passage),
        score=value.score,
        legs=[types_pb2.LegScore(leg=leg.leg, rank=leg.rank, score=leg.score) for leg in value.legs],
        evidence=[
            types_pb2.Evidence(
                ngram=item.ngram,
                count=item.count,
                score=item.score,
                ranges=[text_range(value.passage.text, *span) for span in item.spans],
            )
            for item in value.evidence
        ],
    )


def hit_of(message: types_pb2.Hit) -> Hit:
    return Hit(
        passage=passage_of(message.passage),
        score=message.score,
        legs=tuple(LegScore(leg.leg, leg.rank, leg.score) for leg in message.legs),
        evidence=tuple(
            Evidence(
                item.ngram,
                item.count,
                item.score,
                tuple((run.start_character, run.end_character) for run in item.ranges),
            )
            for item in message.evidence
        ),
    )


def leg(value: LegRequest) -> types_pb2.Leg:
    """A leg for the wire.

    Raises:
        NotFound: a leg that the contract does not know.
        InvalidInput: an option that the contract does not know, or a value of the wrong kind.
    """
    kinds = types_pb2.Leg.DESCRIPTOR.oneofs_by_name["kind"].fields
    kind = next((field for field in kinds if field.name == value.name), None)
    if kind is None:
        raise NotFound(
            f"There is no leg named {value.name!r}; known: {', '.join(field.name for field in kinds)}.",
            details={"kind": "leg", "name": value.name},
        )
    message = types_pb2.Leg(limit=value.limit, weight=value.weight)
    knobs = getattr(message, value.name)
    knobs.SetInParent()
    for name, option in value.options.items():
        field = kind.message_type.fields_by_name.get(name)
        if field is None:
            raise InvalidInput(
                f"The {value.name} leg has no option {name!r}.",
                hint=f"It knows: {', '.join(kind.message_type.fields_by_name) or 'none'}.",
                details={"leg": value.name, "option": name},
            )
        try:
            setattr(knobs, name, _enum_number(field, option) if field.enum_type else option)
        except (TypeError, ValueError) as error:
            raise InvalidInput(
                f"{value.name}.{name} cannot be {option!r}.",
                details={"leg": value.name, "option": name},
            ) from error
    return message


def leg_of(message: types_pb2.Leg, where: str) -> LegRequest:
    """A leg from the wire; `where` names it in errors ("legs[0]").

    Raises:
        InvalidInput: no kind of leg is set.
    """
    name = message.WhichOneof("kind")
    if name is None:
        kinds = types_pb2.Leg.DESCRIPTOR.oneofs_by_name["kind"].fields
        raise InvalidInput(
            f"{where} does not say which leg it is.",
            hint=f"Set one of {', '.join(field.name for field in kinds)}.",
            details={"field": where},
        )
    options: dict[str, Option] = {}
    for field, value in getattr(message, name).ListFields():
        options[field.name] = _enum_name(field, value) if field.enum_type else value
    default = LegRequest(name)
    return LegRequest(
        name=name,
        limit=message.limit if message.HasField("limit") else default.limit,
        weight=message.weight if message.HasField("weight") else default.weight,
        options=options,
    )


def fusion(name: str) -> types_pb2.Fusion:
    """The number of a fusion. Raises `NotFound` that lists the known ones."""
    if name not in _FUSIONS:
        raise NotFound(
            f"There is no fusion named {name!r}; known: {', '.join(_FUSIONS)}.",
            details={"kind": "fusion", "name": name},
        )
    return _FUSIONS[name]


def fusion_of(message: Any) -> str:
    """The fusion of a message that has an optional field of that name; "rrf" where it is absent."""
    if not message.HasField("fusion") or message.fusion == types_pb2.FUSION_UNSPECIFIED:
        return "rrf"
    if message.fusion not in _FUSION_NAMES:
        raise InvalidInput(f"There is no fusion of number {message.fusion}.", details={"field": "fusion"})
    return _FUSION_NAMES[message.fusion]


def retrieve_request(value: RetrievalRequest, corpus: str = "") -> retrieval_pb2.RetrieveRequest:
    return retrieval_pb2.RetrieveRequest(
        query=value.query,
        corpus=corpus or None,
        legs=[leg(item) for item in value.legs],
        fusion=fusion(value.fusion),
        filter=types_pb2.Filter(page_ids=sorted(value.page_ids)) if value.page_ids else None,
        limit=value.limit,
    )


def retrieve_request_of(message: retrieval_pb2.RetrieveRequest) -> RetrievalRequest:
    """The domain's request; no legs where the message has none."""
    return RetrievalRequest(
        query=message.query,
        legs=tuple(leg_of(item, f"legs[{i}]") for i, item in enumerate(message.legs)),
        fusion=fusion_of(message),
        limit=message.limit if message.HasField("limit") else 10,
        page_ids=frozenset(message.filter.page_ids),
    )


def retrieval_result_of(message: retrieval_pb2.RetrieveResponse) -> RetrievalResult:
    return RetrievalResult(tuple(hit_of(item) for item in message.hits), stages_of(message.timings))


def rank_request(value: RankRequest) -> ranking_pb2.RankRequest:
    return ranking_pb2.RankRequest(
        query=value.query,
        candidates=[
            ranking_pb2.Candidate(title=item.title, text=item.text, first_stage_score=item.first_stage_score)
            for item in value.candidates
        ],
    )


def rank_request_of(message: ranking_pb2.RankRequest) -> RankRequest:
    return RankRequest(
        query=message.query,
        candidates=tuple(
            Candidate(item.title, item.text, item.first_stage_score) for item in message.candidates
        ),
    )


def ranked(
    message: ranking_pb2.RankRequest, scores: RankScores, limit: int | None
) -> list[ranking_pb2.RankedCandidate]:
    """The candidates of a request, best first, ties in the request's order."""
    order = np.argsort(-scores.raw.astype(np.float64), kind="stable")[:limit]
    return [
        ranking_pb2.RankedCandidate(
            index=int(i),
            id=message.candidates[i].id,
            score=float(scores.raw[i]),
            calibrated=float(scores.calibrated[i]),
        )
        for i in order
    ]


def rank_scores_of(message: ranking_pb2.RankResponse, count: int) -> RankScores:
    """Scores in the request's order, of `count` candidates."""
    raw = np.full(count, -np.inf, np.float32)
    calibrated = np.zeros(count, np.float32)
    for item in message.candidates:
        raw[item.index], calibrated[item.index] = item.score, item.calibrated
    return RankScores(raw, calibrated)


def vectors(values: NDArray[np.float32], kind: embedding_pb2.VectorType) -> embedding_pb2.Vectors:
    """Vectors of shape (n, d), packed little-endian. Raises `InvalidInput` for an unknown number type."""
    kind = kind or embedding_pb2.VECTOR_TYPE_FLOAT32
    if kind not in _VECTOR_TYPES:
        raise InvalidInput(f"There is no vector type of number {kind}.", details={"field": "options.type"})
    return embedding_pb2.Vectors(
        data=np.ascontiguousarray(values, _VECTOR_TYPES[kind]).tobytes(),
        count=values.shape[0],
        dimensions=values.shape[1],
        type=kind,
    )


def vectors_of(message: embedding_pb2.Vectors) -> NDArray[np.float32]:
    """Float32 of shape (count, dimensions)."""
    flat = np.frombuffer(message.data, _VECTOR_TYPES[message.type])
    return flat.reshape(message.count, message.dimensions).astype(np.float32)


def generate_request(value: GenerationRequest) -> generation_pb2.GenerateRequest:
    return generation_pb2.GenerateRequest(
        question=value.question,
        sources=[
            generation_pb2.Source(id=item.id, title=item.title, text=item.text, score=item.score)
            for item in value.sources
        ],
        options=generation_options(value),
    )


def generation_options(value: GenerationRequest | AnswerRequest) -> generation_pb2.GenerationOptions:
    return generation_pb2.GenerationOptions(
        max_tokens=value.max_tokens, temperature=value.temperature, seed=value.seed, stop=value.stop
    )


def generate_request_of(message: generation_pb2.GenerateRequest, max_tokens: int = 64) -> GenerationRequest:
    return GenerationRequest(
        question=message.question,
        sources=tuple(Source(item.id, item.title, item.text, item.score) for item in message.sources),
        **_generation_knobs(message.options, max_tokens),
    )


def started(value: Started) -> generation_pb2.Started:
    return generation_pb2.Started(
        prompt_tokens=value.prompt_tokens, cached_tokens=value.cached_tokens, sources=value.sources
    )


def citation(value: Citation, answer: str, sources: Mapping[str, str]) -> generation_pb2.Citation:
    """A citation, with byte ranges taken from the answer's and the source's text."""
    return generation_pb2.Citation(
        source_id=value.source_id,
        answer_range=text_range(answer, value.answer_start, value.answer_end),
        source_range=text_range(sources[value.source_id], value.source_start, value.source_end),
        quote=value.quote,
    )


def citation_of(message: generation_pb2.Citation) -> Citation:
    return Citation(
        source_id=message.source_id,
        answer_start=message.answer_range.start_character,
        answer_end=message.answer_range.end_character,
        source_start=message.source_range.start_character,
        source_end=message.source_range.end_character,
        quote=message.quote,
    )


def completed(value: Completed, total: float, queue: float) -> generation_pb2.Completed:
    return generation_pb2.Completed(
        reason=_REASONS[value.reason],
        text=value.text,
        usage=generation_pb2.Usage(
            prompt_tokens=value.prompt_tokens,
            cached_tokens=value.cached_tokens,
            answer_tokens=value.answer_tokens,
        ),
        abstention=value.abstention,
        timings=timings(value.timings, total, queue),
    )


def completed_of(message: Any) -> Completed:
    """From `Completed`, or from an `AnswerResponse`, which has the same fields."""
    return Completed(
        reason=_REASON_NAMES[message.reason],
        text=message.text,
        prompt_tokens=message.usage.prompt_tokens,
        cached_tokens=message.usage.cached_tokens,
        answer_tokens=message.usage.answer_tokens,
        abstention=message.abstention,
        timings=stages_of(message.timings),
    )


class EventWriter:
    """Domain events to messages; remembers the texts in which citations stand.

    Args:
        kind: `GenerateResponse` or `StreamAnswerResponse`.
        sources: source id -> text, where they are known before the stream.
    """

    def __init__(self, kind: type[Any], sources: Mapping[str, str] | None = None) -> None:
        self._kind = kind
        self._sources = dict(sources or {})
        self._answer = ""

    def message(self, event: References | Event, elapsed: float, queue: float) -> Any:
        """The message of one event; `elapsed` and `queue` in seconds."""
        if isinstance(event, References):
            self._sources = {item.hit.passage.id: item.hit.passage.text for item in event.hits}
            return self._kind(references=references(event))
        if isinstance(event, Started):
            return self._kind(started=started(event))
        if isinstance(event, Delta):
            self._answer += event.text
            return self._kind(delta=generation_pb2.Delta(text=event.text))
        if isinstance(event, Citation):
            return self._kind(citation=citation(event, self._answer, self._sources))
        return self._kind(completed=completed(event, elapsed, queue))


def event_of(message: Any) -> References | Event:
    """The domain event of a `GenerateResponse` or `StreamAnswerResponse`."""
    kind = message.WhichOneof("event")
    if kind == "references":
        return references_of(message.references)
    if kind == "started":
        return Started(message.started.prompt_tokens, message.started.cached_tokens, message.started.sources)
    if kind == "delta":
        return Delta(message.delta.text)
    if kind == "citation":
        return citation_of(message.citation)
    return completed_of(message.completed)


def reference(value: RankedHit) -> answer_pb2.Reference:
    return answer_pb2.Reference(
        hit=hit(value.hit),
        rank_score=value.score,
        calibrated=None if math.isnan(value.calibrated) else value.calibrated,
    )


def references(value: References) -> answer_pb2.References:
    return answer_pb2.References(references=[reference(item) for item in value.hits], given=value.given)


def references_of(message: answer_pb2.References) -> References:
    return References(ranked_hits_of(message.references), message.given)


def ranked_hits_of(messages: Sequence[answer_pb2.Reference]) -> tuple[RankedHit, ...]:
    return tuple(
        RankedHit(
            hit_of(item.hit),
            item.rank_score,
            item.calibrated if item.HasField("calibrated") else math.nan,
        )
        for item in messages
    )


def answer_options(value: AnswerRequest, corpus: str) -> answer_pb2.AnswerOptions:
    retrieval = value.retrieval
    return answer_pb2.AnswerOptions(
        corpus=corpus or None,
        legs=[leg(item) for item in retrieval.legs],
        fusion=fusion(retrieval.fusion),
        filter=types_pb2.Filter(page_ids=sorted(retrieval.page_ids)) if retrieval.page_ids else None,
        retrieve_limit=retrieval.limit,
        rank_depth=value.rank_depth,
        passages=value.passages,
        min_confidence=value.min_confidence,
        generation=generation_options(value),
    )


def answer_request_of(
    question: str, options: answer_pb2.AnswerOptions, defaults: Mapping[str, Any]
) -> AnswerRequest:
    """The domain's request.

    Args:
        defaults: retrieve_limit, rank_depth, passages, max_tokens, min_confidence (None for none).
    """

    def knob(name: str) -> Any:
        return getattr(options, name) if options.HasField(name) else defaults[name]

    return AnswerRequest(
        question=question,
        retrieval=RetrievalRequest(
            query=question,
            legs=tuple(leg_of(item, f"options.legs[{i}]") for i, item in enumerate(options.legs)),
            fusion=fusion_of(options),
            limit=knob("retrieve_limit"),
            page_ids=frozenset(options.filter.page_ids),
        ),
        rank_depth=knob("rank_depth"),
        passages=knob("passages"),
        min_confidence=knob("min_confidence"),
        **_generation_knobs(options.generation, defaults["max_tokens"]),
    )


def page_of(message: types_pb2.Document) -> Page:
    """A document as a page: its title becomes paragraph 0."""
    return Page(
        id=message.id,
        title=message.title,
        paragraphs=(message.title, *message.paragraphs),
        anchors=tuple(
            Anchor(item.text, item.target, item.paragraph, item.start_character, item.end_character)
            for item in message.anchors
        ),
        metadata=dict(message.metadata),
    )


def document(page: Page) -> types_pb2.Document:
    """A page as a document; paragraph 0 is left out, being the title."""
    return types_pb2.Document(
        id=page.id,
        title=page.title,
        paragraphs=page.paragraphs[1:],
        anchors=[
            types_pb2.Anchor(
                text=item.text,
                target=item.target,
                paragraph=item.paragraph,
                start_character=item.start,
                end_character=item.end,
            )
            for item in page.anchors
        ],
        metadata=dict(page.metadata),
    )


def _generation_knobs(options: generation_pb2.GenerationOptions, max_tokens: int) -> dict[str, Any]:
    return {
        "max_tokens": options.max_tokens if options.HasField("max_tokens") else max_tokens,
        "temperature": options.temperature,
        "seed": options.seed,
        "stop": tuple(options.stop),
    }


def _enum_number(field: Any, option: Option) -> int:
    """`lm_fm` -> SCORING_LM_FM."""
    for value in field.enum_type.values:
        if value.number and value.name.removeprefix(f"{field.enum_type.name.upper()}_").lower() == option:
            return int(value.number)
    raise ValueError(option)


def _enum_name(field: Any, number: int) -> Option:
    value = field.enum_type.values_by_number.get(number)
    if value is None or number == 0:
        return number
    return str(value.name.removeprefix(f"{field.enum_type.name.upper()}_").lower())
