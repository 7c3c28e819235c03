"""RankingService: candidates, texts or passages of an index, in a better order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, InvalidInput
from skerry.protos.v1 import ranking_pb2
from skerry.ranking.base import Candidate, RankRequest
from skerry.ranking.plan import MAX_CANDIDATES, RankPlan
from skerry.ranking.ranked import Ranked, RankingChain
from skerry.retrieval.corpus.records import Passage
from skerry.services.catalogue import Catalogue
from skerry.services.convert.fields import timings
from skerry.services.convert.ranking import rank_plan_of, rank_response
from skerry.services.servers.work import Work

SERVICE = "skerry.v1.RankingService"
_MOST_REQUESTS = 256
_MOST_OF_A_BATCH = 100_000
_MOST_QUERY_BYTES = 64 * 1024


class RankingServicer:
    """See protos/skerry/v1/ranking.proto. Without a catalogue candidates are texts only."""

    def __init__(self, rankers: RankingChain, catalogue: Catalogue | None, work: Work) -> None:
        self._rankers = rankers
        self._catalogue = catalogue
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
        count = sum(len(item.candidates) for item in request.requests)
        if count > _MOST_OF_A_BATCH:
            raise InvalidInput(
                f"A batch has at most {_MOST_OF_A_BATCH:,} candidates, not {count:,}.",
                hint="Send several batches.",
                details={"field": "requests.candidates"},
            )
        done = await self._work.call(context, lambda deadline: self._rank(request.requests, deadline))
        return ranking_pb2.BatchRankResponse(
            responses=done.value, timings=timings({}, done.total, done.queue)
        )

    def _rank(self, requests: Sequence[Any], deadline: Deadline) -> list[Any]:
        for request in requests:
            _check(request)
        alike: dict[RankPlan, list[int]] = {}
        for number, request in enumerate(requests):
            alike.setdefault(rank_plan_of(request), []).append(number)
        ranked: dict[int, Ranked] = {}
        for plan, numbers in alike.items():
            wanted = [
                RankRequest(requests[n].query, self._candidates(requests[n], deadline)) for n in numbers
            ]
            ranked |= zip(numbers, self._rankers.rank(wanted, plan, deadline), strict=True)
        return [rank_response(request, ranked[number]) for number, request in enumerate(requests)]

    def _candidates(self, request: Any, deadline: Deadline) -> tuple[Candidate, ...]:
        passages = self._passages(request, deadline)
        found = []
        for item in request.candidates:
            rank = item.first_stage_rank if item.HasField("first_stage_rank") else None
            passage = passages[item.passage_id] if item.HasField("passage_id") else item
            found.append(Candidate(passage.title, passage.text, item.first_stage_score, rank))
        return tuple(found)

    def _passages(self, request: Any, deadline: Deadline) -> dict[str, Passage]:
        """The passages that candidates name, by id."""
        ids = list({item.passage_id for item in request.candidates if item.HasField("passage_id")})
        if not ids:
            return {}
        if self._catalogue is None:
            raise BackendUnavailable(
                "This server serves no index that passages could be read from.",
                hint="Send the candidates' texts, or start the server with --index DIR or --data DIR.",
            )
        deadline.check("reading passages")
        with self._catalogue.lease(request.corpus) as opened:
            store = opened.index.passages
            return dict(zip(ids, store.get_many([store.ordinal(name) for name in ids]), strict=True))


def _check(request: Any) -> None:
    if not request.query.strip():
        raise InvalidInput("The query is empty.", hint="Ask something.", details={"field": "query"})
    if len(request.query.encode()) > _MOST_QUERY_BYTES:
        raise InvalidInput(f"The query has more than {_MOST_QUERY_BYTES} bytes.", details={"field": "query"})
    if not 1 <= len(request.candidates) <= MAX_CANDIDATES:
        raise InvalidInput(
            f"A request has 1 to {MAX_CANDIDATES:,} candidates, not {len(request.candidates):,}.",
            details={"field": "candidates"},
        )
    if request.HasField("limit") and not 1 <= request.limit <= MAX_CANDIDATES:
        raise InvalidInput(
            f"limit is {request.limit}; it must be from 1 to {MAX_CANDIDATES:,}.", details={"field": "limit"}
        )
    for number, item in enumerate(request.candidates):
        if item.HasField("passage_id") and (item.title or item.text):
            raise InvalidInput(
                f"Candidate {number} has a passage id and a text of its own.",
                hint="Give one of them: the text of a passage is read from its index.",
                details={"field": f"candidates[{number}].passage_id"},
            )
