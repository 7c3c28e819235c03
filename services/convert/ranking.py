"""Ranking's requests, and lists in order."""

from __future__ import annotations

from typing import Any

import numpy as np

from skerry.protos.v1 import ranking_pb2
from skerry.ranking.base import RankRequest
from skerry.ranking.plan import WHOLE_LIST, RankPlan
from skerry.ranking.ranked import Explanation, Ranked, RankerScore, Reading, StoppedBy

_STOPPED = {
    StoppedBy.DEPTH: ranking_pb2.Reading.STOPPED_BY_DEPTH,
    StoppedBy.MARGIN: ranking_pb2.Reading.STOPPED_BY_MARGIN,
    StoppedBy.DEADLINE: ranking_pb2.Reading.STOPPED_BY_DEADLINE,
}
_STOPPED_NAMES = {number: stopped for stopped, number in _STOPPED.items()}


def rank_request(value: RankRequest, plan: RankPlan) -> ranking_pb2.RankRequest:
    return ranking_pb2.RankRequest(
        query=value.query,
        candidates=[
            ranking_pb2.Candidate(
                title=item.title,
                text=item.text,
                first_stage_score=item.first_stage_score,
                first_stage_rank=item.first_stage_rank,
            )
            for item in value.candidates
        ],
        **plan_fields(plan),
        depth=plan.depth,
    )


def plan_fields(plan: RankPlan) -> dict[str, Any]:
    """What requests that ask for ranking have in common; the depth has a name of its own in each."""
    return {
        "ranker": plan.ranker or None,
        "cascade": ranking_pb2.Cascade(
            cheap_ranker=plan.cheap or None,
            strong_depth=plan.strong_depth,
            margin=plan.margin,
            block=plan.block,
            reserve=plan.reserve,
        ),
        "explain": plan.explain or None,
    }


def plan_of(message: Any, depth: int | None, defaults: RankPlan) -> RankPlan:
    """The plan of a message with `plan_fields`; what is absent is as in `defaults`."""
    cascade = message.cascade

    def knob(name: str, default: Any) -> Any:
        return getattr(cascade, name) if cascade.HasField(name) else default

    return RankPlan(
        ranker=message.ranker or defaults.ranker,
        depth=depth,
        cheap=knob("cheap_ranker", defaults.cheap),
        strong_depth=knob("strong_depth", defaults.strong_depth),
        margin=knob("margin", defaults.margin),
        block=knob("block", defaults.block),
        reserve=knob("reserve", defaults.reserve),
        explain=message.explain if message.HasField("explain") else defaults.explain,
    )


def rank_plan_of(message: ranking_pb2.RankRequest) -> RankPlan:
    return plan_of(message, message.depth if message.HasField("depth") else None, WHOLE_LIST)


def reading(value: Reading) -> ranking_pb2.Reading:
    return ranking_pb2.Reading(
        ranker=value.ranker, cheap_ranker=value.cheap, read=value.read, stopped=_STOPPED[value.stopped]
    )


def reading_of(message: ranking_pb2.Reading) -> Reading:
    return Reading(message.ranker, message.cheap_ranker, message.read, _STOPPED_NAMES[message.stopped])


def explanation(value: Explanation) -> ranking_pb2.RankExplanation:
    return ranking_pb2.RankExplanation(
        before=value.before,
        after=value.after,
        first_stage_score=value.first_stage_score,
        scores=[
            ranking_pb2.RankerScore(
                ranker=item.ranker,
                raw=item.raw,
                calibrated=item.calibrated,
                first_stage=item.first_stage,
            )
            for item in value.scores
        ],
    )


def explanation_of(message: ranking_pb2.RankExplanation) -> Explanation:
    return Explanation(
        before=message.before,
        after=message.after,
        first_stage_score=message.first_stage_score,
        scores=tuple(
            RankerScore(
                item.ranker,
                item.raw,
                item.calibrated,
                item.first_stage if item.HasField("first_stage") else None,
            )
            for item in message.scores
        ),
    )


def rank_response(request: ranking_pb2.RankRequest, value: Ranked) -> ranking_pb2.RankResponse:
    """The ranked candidates of a request, as many as it asks for."""
    order = value.order[: request.limit] if request.HasField("limit") else value.order
    return ranking_pb2.RankResponse(
        candidates=[
            ranking_pb2.RankedCandidate(
                index=int(place),
                id=request.candidates[place].id,
                score=float(value.raw[place]),
                calibrated=float(value.calibrated[place]),
                explanation=explanation(value.explanations[place]) if value.explanations else None,
            )
            for place in order
        ],
        ranker=value.reading.ranker,
        reading=reading(value.reading),
    )


def ranked_of(message: ranking_pb2.RankResponse) -> Ranked:
    """A response without a limit."""
    order = np.array([item.index for item in message.candidates], np.int64)
    raw = np.array([item.score for item in message.candidates], np.float32)
    calibrated = np.array([item.calibrated for item in message.candidates], np.float32)
    back = np.argsort(order)
    explained = message.candidates and message.candidates[0].HasField("explanation")
    return Ranked(
        order,
        raw[back],
        calibrated[back],
        reading_of(message.reading),
        tuple(explanation_of(message.candidates[place].explanation) for place in back) if explained else (),
    )
