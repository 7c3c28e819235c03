"""RankingService: candidates to scores."""

from __future__ import annotations

from typing import Any

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput, NotFound
from skerry.protos.v1 import ranking_pb2
from skerry.ranking.base import RANKERS, Ranker
from skerry.services.convert.fields import timings
from skerry.services.convert.ranking import rank_request_of, ranked
from skerry.services.parts import Part
from skerry.services.servers.work import Work

SERVICE = "skerry.v1.RankingService"
_MOST_REQUESTS = 256
_MOST_CANDIDATES = 1000
_MOST_QUERY_BYTES = 64 * 1024


class RankingServicer:
    """See protos/skerry/v1/ranking.proto. `name` is the ranker's name in the registry."""

    def __init__(self, ranker: Part[Ranker], name: str, work: Work) -> None:
        self._ranker = ranker
        self._name = name
        self._work = work

    async def Rank(self, request: Any, context: Any) -> Any:  # noqa: N802 -- the contract's name
        done = await self._work.call(context, lambda deadline: self._rank([request], deadline)[0])
        done.value.timings.CopyFrom(timings({}, done.total, done.queue))
        return done.value

    async def BatchRank(self, request: Any, context: Any) -> Any:  # noqa: N802 -- the contract's name
        if not 1 <= len(request.requests) <= _MOST_REQUESTS:
            raise InvalidInput(
                f"A batch has 1 to {_MOST_REQUESTS} requests, not {len(request.requests)}.",
                details={"field": "requests"},
            )
        done = await self._work.call(context, lambda deadline: self._rank(request.requests, deadline))
        return ranking_pb2.BatchRankResponse(
            responses=done.value, timings=timings({}, done.total, done.queue)
        )

    def _rank(self, requests: Any, deadline: Deadline) -> list[Any]:
        for request in requests:
            self._check(request)
        ranker = self._ranker.get()
        scores = ranker.score([rank_request_of(request) for request in requests], deadline)
        return [
            ranking_pb2.RankResponse(
                candidates=ranked(request, score, request.limit if request.HasField("limit") else None),
                ranker=ranker.name,
            )
            for request, score in zip(requests, scores, strict=True)
        ]

    def _check(self, request: Any) -> None:
        if not request.query.strip():
            raise InvalidInput("The query is empty.", hint="Ask something.", details={"field": "query"})
        if len(request.query.encode()) > _MOST_QUERY_BYTES:
            raise InvalidInput(
                f"The query has more than {_MOST_QUERY_BYTES} bytes.", details={"field": "query"}
            )
        if not 1 <= len(request.candidates) <= _MOST_CANDIDATES:
            raise InvalidInput(
                f"A request has 1 to {_MOST_CANDIDATES} candidates, not {len(request.candidates)}.",
                details={"field": "candidates"},
            )
        if request.HasField("limit") and not 1 <= request.limit <= _MOST_CANDIDATES:
            raise InvalidInput(
                f"limit is {request.limit}; it must be from 1 to {_MOST_CANDIDATES}.",
                details={"field": "limit"},
            )
        if request.ranker and request.ranker != self._name:
            RANKERS.check(request.ranker)
            raise NotFound(
                f"This server ranks with {self._name!r}, not with {request.ranker!r}.",
                hint="Leave the field `ranker` out, or ask another server.",
                details={"kind": "ranker", "name": request.ranker},
            )
