"""Generation's requests, and what a generator says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from skerry.generation.answer import AnswerRequest
from skerry.generation.base import (
    Alternative,
    CacheReuse,
    Citation,
    Completed,
    FinishReason,
    GenerationRequest,
    Source,
    Started,
    Support,
)
from skerry.generation.beams import BeamPlan
from skerry.generation.plan import ContextPlan
from skerry.protos.v1 import generation_pb2
from skerry.services.convert.fields import stages_of, text_range, timings
from skerry.services.convert.quotes import quotes, quotes_of

_REASONS = {
    FinishReason.STOP: generation_pb2.FINISH_REASON_STOP,
    FinishReason.LENGTH: generation_pb2.FINISH_REASON_LENGTH,
    FinishReason.ABSTAINED: generation_pb2.FINISH_REASON_ABSTAINED,
}
_CONTEXT_FIELDS = {
    "reuse": "reuse_caches",
    "recompute": "recompute",
    "margin": "recompute_margin",
    "selector": "selector",
    "budget": "kv_budget",
    "prefill": "prefill",
}
"""Field of `ContextPlan` -> field of the message."""
_BEAM_FIELDS = {
    "beams": "beams",
    "groups": "beam_groups",
    "penalty": "diversity_penalty",
    "answers": "answers",
    "length_penalty": "length_penalty",
}
"""Field of `BeamPlan` -> field of the message."""
_REASON_NAMES = {number: reason for reason, number in _REASONS.items()}


def generate_request(value: GenerationRequest) -> generation_pb2.GenerateRequest:
    return generation_pb2.GenerateRequest(
        question=value.question,
        sources=[
            generation_pb2.Source(id=item.id, title=item.title, text=item.text, score=item.score)
            for item in value.sources
        ],
        options=generation_options(value),
    )


def generate_request_of(message: generation_pb2.GenerateRequest, max_tokens: int = 64) -> GenerationRequest:
    return GenerationRequest(
        question=message.question,
        sources=tuple(Source(item.id, item.title, item.text, item.score) for item in message.sources),
        **generation_knobs(message.options, max_tokens),
    )


def generation_options(value: GenerationRequest | AnswerRequest) -> generation_pb2.GenerationOptions:
    return generation_pb2.GenerationOptions(
        max_tokens=value.max_tokens,
        temperature=value.temperature,
        seed=value.seed,
        stop=value.stop,
        reuse_caches=value.context.reuse,
        recompute=value.context.recompute,
        recompute_margin=value.context.margin,
        selector=value.context.selector,
        kv_budget=value.context.budget,
        prefill=value.context.prefill,
        beams=value.beams.beams,
        beam_groups=value.beams.groups,
        diversity_penalty=value.beams.penalty,
        answers=value.beams.answers,
        length_penalty=value.beams.length_penalty,
    )


def generation_knobs(options: generation_pb2.GenerationOptions, max_tokens: int) -> dict[str, Any]:
    """The options as arguments of `GenerationRequest` and `AnswerRequest`, which share these fields."""
    return {
        "max_tokens": options.max_tokens if options.HasField("max_tokens") else max_tokens,
        "temperature": options.temperature,
        "seed": options.seed,
        "stop": tuple(options.stop),
        "context": ContextPlan(**_given(options, _CONTEXT_FIELDS)),
        "beams": BeamPlan(**_given(options, _BEAM_FIELDS)),
    }


def _given(options: generation_pb2.GenerationOptions, names: Mapping[str, str]) -> dict[str, Any]:
    """The fields that the options set."""
    return {field: getattr(options, name) for field, name in names.items() if options.HasField(name)}


def started(value: Started) -> generation_pb2.Started:
    return generation_pb2.Started(
        prompt_tokens=value.prompt_tokens,
        cached_tokens=value.cached_tokens,
        sources=value.sources,
        reuse=[generation_pb2.CacheReuse(**asdict(item)) for item in value.reuse],
        no_reuse=value.no_reuse,
    )


def started_of(message: generation_pb2.Started) -> Started:
    return Started(
        prompt_tokens=message.prompt_tokens,
        cached_tokens=message.cached_tokens,
        sources=message.sources,
        reuse=tuple(cache_reuse_of(item) for item in message.reuse),
        no_reuse=message.no_reuse,
    )


def cache_reuse_of(message: generation_pb2.CacheReuse) -> CacheReuse:
    return CacheReuse(
        message.source_id, message.tokens, message.reused_tokens, message.recomputed_tokens, message.tier
    )


def citation(value: Citation, answer: str, sources: Mapping[str, str]) -> generation_pb2.Citation:
    """A citation, with byte ranges taken from the answer's and the source's text."""
    return generation_pb2.Citation(
        source_id=value.source_id,
        answer_range=text_range(answer, value.answer_start, value.answer_end),
        source_range=text_range(sources[value.source_id], value.source_start, value.source_end),
        quote=value.quote,
        support=value.support,
    )


def citation_of(message: generation_pb2.Citation) -> Citation:
    return Citation(
        source_id=message.source_id,
        answer_start=message.answer_range.start_character,
        answer_end=message.answer_range.end_character,
        source_start=message.source_range.start_character,
        source_end=message.source_range.end_character,
        quote=message.quote,
        support=message.support if message.HasField("support") else None,
    )


def completed(
    value: Completed, total: float, queue: float, sources: Mapping[str, str]
) -> generation_pb2.Completed:
    """The end, with byte ranges taken from the sources' texts, by id."""
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
        quotes=None if value.quotes is None else quotes(value.quotes, value.text),
        rests_on=[
            generation_pb2.Support(
                source_id=item.source_id,
                source_range=text_range(sources[item.source_id], item.start, item.end),
                weight=item.weight,
            )
            for item in value.rests_on
        ],
        score=value.score,
        alternatives=[
            generation_pb2.Alternative(
                text=item.text,
                score=item.score,
                reason=_REASONS[item.reason],
                citations=[citation(one, item.text, sources) for one in item.citations],
            )
            for item in value.alternatives
        ],
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
        quotes=quotes_of(message.quotes) if message.HasField("quotes") else None,
        rests_on=tuple(
            Support(
                item.source_id,
                item.source_range.start_character,
                item.source_range.end_character,
                item.weight,
            )
            for item in message.rests_on
        ),
        score=message.score if message.HasField("score") else None,
        alternatives=tuple(
            Alternative(
                item.text,
                item.score,
                _REASON_NAMES[item.reason],
                tuple(citation_of(one) for one in item.citations),
            )
            for item in message.alternatives
        ),
    )
