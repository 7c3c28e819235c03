"""Ranking's requests and scores."""

from __future__ import annotations

import numpy as np

from skerry.protos.v1 import ranking_pb2
from skerry.ranking.base import Candidate, RankRequest, RankScores


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
