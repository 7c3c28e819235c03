"""Requests for an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skerry.generation.answer import AnswerRequest
from skerry.protos.v1 import answer_pb2, types_pb2
from skerry.ranking.plan import RankPlan
from skerry.retrieval.base import RetrievalRequest
from skerry.services.convert.generation import generation_knobs, generation_options
from skerry.services.convert.legs import fusion, fusion_of, leg, leg_of
from skerry.services.convert.ranking import plan_fields, plan_of


def answer_options(value: AnswerRequest, corpus: str) -> answer_pb2.AnswerOptions:
    retrieval = value.retrieval
    return answer_pb2.AnswerOptions(
        corpus=corpus or None,
        legs=[leg(item) for item in retrieval.legs],
        fusion=fusion(retrieval.fusion),
        filter=types_pb2.Filter(page_ids=sorted(retrieval.page_ids)) if retrieval.page_ids else None,
        retrieve_limit=retrieval.limit,
        **plan_fields(value.ranking),
        rank_depth=value.ranking.depth,
        passages=value.passages,
        min_confidence=value.min_confidence,
        generation=generation_options(value),
    )


def answer_request_of(
    question: str, options: answer_pb2.AnswerOptions, defaults: Mapping[str, Any], ranking: RankPlan
) -> AnswerRequest:
    """The domain's request.

    Args:
        defaults: retrieve_limit, rank_depth, passages, max_tokens, min_confidence (None for none).
        ranking: the plan that stands where the options say nothing.
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
        ranking=plan_of(options, knob("rank_depth"), ranking),
        passages=knob("passages"),
        min_confidence=knob("min_confidence"),
        **generation_knobs(options.generation, defaults["max_tokens"]),
    )
