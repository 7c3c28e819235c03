"""From questions to hits in one process: every leg of an index, fused."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.core.timing import Timings
from skerry.retrieval.base import (
    Candidates,
    Hit,
    LegRequest,
    LegScore,
    RetrievalRequest,
    RetrievalResult,
    Retriever,
)
from skerry.retrieval.fusion import FUSIONS, Fused, LegList
from skerry.retrieval.fusion.learned import LEARNED, LearnedFusion, load_learned
from skerry.retrieval.index.reader import Index
from skerry.retrieval.validation import check_request

_THREADS = 8


@dataclass(slots=True)
class _Call:
    """The queries that one leg answers together: same leg, depth, options and pages."""

    retriever: Retriever
    leg: LegRequest
    within: NDArray[np.int64] | None
    members: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def run(self, queries: Sequence[str], deadline: Deadline) -> list[Candidates]:
        timings = Timings()
        with timings.measure(self.leg.name):
            limit, options = self.leg.limit, self.leg.options
            if self.within is None:
                found = self.retriever.retrieve(queries, limit, options, deadline)
            else:
                found = self.retriever.retrieve(queries, limit, options, deadline, within=self.within)
        self.seconds = timings.seconds[self.leg.name]
        return found


class RetrievalPipeline:
    """A `RetrievalChain` over an open index, which it does not close. Safe to call from several threads.

    Args:
        index: the opened index version.
    """

    def __init__(self, index: Index) -> None:
        self.index = index
        self._threads = ThreadPoolExecutor(_THREADS, "retrieval")

    def retrieve(self, requests: Sequence[RetrievalRequest], deadline: Deadline) -> list[RetrievalResult]:
        """One result a request, in order. A leg gets all queries of the batch that it can take in one call.

        A hit's score is the fused one, or with one leg the leg's own. At most `LegRequest.limit` candidates
        of each leg take part, so that there are never more hits than the legs' limits allow.

        A result's timings, in seconds: "filter", one for each leg (of the whole call that the query shared)
        and "LEG.PART" for each part of its work that the leg tells of, "fusion", "passages", and "total" from
        the start of the batch.

        Raises:
            InvalidInput: a request that breaks a limit, or a leg's option that is unknown or out of range.
            NotFound: an unknown leg or fusion.
            IndexNotReady: a leg that this index was built without, or a learnt fusion that it does not have.
            DeadlineExceeded, Cancelled: between stages and inside the legs.
        """
        for request in requests:
            check_request(request)
        deadline.check("starting retrieval")
        batch = Timings()
        with batch.measure("total"):
            with batch.measure("filter"):
                pages = {request.page_ids for request in requests if request.page_ids}
                within = {ids: self.index.passages.page_ordinals(ids) for ids in pages}
            calls = self._plan(requests, within)
            found = self._run(calls, requests, deadline)
            results = []
            for request, candidates in zip(requests, found, strict=True):
                deadline.check("fusing the legs' lists")
                timings = Timings()
                hits = self._hits(request, candidates, timings)
                results.append((hits, timings))
        seconds: list[dict[str, float]] = [
            {"filter": batch.seconds["filter"]} if request.page_ids else {} for request in requests
        ]
        for call in calls:
            for member in call.members:
                seconds[member][call.leg.name] = call.seconds
                for part, spent in found[member][call.leg.name].timings.items():
                    seconds[member][f"{call.leg.name}.{part}"] = spent
        return [
            RetrievalResult(hits, {**legs, **timings.seconds, "total": batch.seconds["total"]})
            for legs, (hits, timings) in zip(seconds, results, strict=True)
        ]

    def close(self) -> None:
        """Stop the pipeline's threads; the index stays open."""
        self._threads.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _plan(
        self,
        requests: Sequence[RetrievalRequest],
        within: Mapping[frozenset[str], NDArray[np.int64]],
    ) -> list[_Call]:
        calls: dict[tuple[str, int, str, frozenset[str]], _Call] = {}
        for number, request in enumerate(requests):
            for leg in request.legs:
                key = (leg.name, leg.limit, repr(sorted(leg.options.items())), request.page_ids)
                if key not in calls:
                    retriever = self.index.retriever(leg.name)
                    calls[key] = _Call(retriever, leg, within.get(request.page_ids))
                calls[key].members.append(number)
        return list(calls.values())

    def _run(
        self, calls: Sequence[_Call], requests: Sequence[RetrievalRequest], deadline: Deadline
    ) -> list[dict[str, Candidates]]:
        """For each request its legs' candidates. The legs run side by side; the first failure is raised."""
        futures: list[Future[list[Candidates]]] = [
            self._threads.submit(call.run, [requests[member].query for member in call.members], deadline)
            for call in calls
        ]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            for future in futures:
                future.cancel()
        for future in futures:
            if future in done:
                future.result()
        found: list[dict[str, Candidates]] = [{} for _ in requests]
        for call, future in zip(calls, futures, strict=True):
            for member, candidates in zip(call.members, future.result(), strict=True):
                found[member][call.leg.name] = candidates
        return found

    def _hits(
        self, request: RetrievalRequest, found: Mapping[str, Candidates], timings: Timings
    ) -> tuple[Hit, ...]:
        with timings.measure("fusion"):
            fused = self._fuse(request, found)
            ordinals = [int(ordinal) for ordinal in fused.ordinals[: request.limit]]
            places = {
                leg.name: {int(ordinal): row for row, ordinal in enumerate(found[leg.name].ordinals)}
                for leg in request.legs
            }
        with timings.measure("passages"):
            passages = self.index.passages.get_many(ordinals)
        hits = []
        for passage, ordinal, score in zip(passages, ordinals, fused.scores, strict=False):
            rows = {name: place[ordinal] for name, place in places.items() if ordinal in place}
            legs = tuple(
                LegScore(name, row + 1, float(found[name].scores[row])) for name, row in rows.items()
            )
            evidence = chain.from_iterable(
                found[name].evidence[row] for name, row in rows.items() if found[name].evidence
            )
            hits.append(Hit(passage, float(score), legs, tuple(evidence)))
        return tuple(hits)

    def _fuse(self, request: RetrievalRequest, found: Mapping[str, Candidates]) -> Fused:
        if len(request.legs) == 1:
            only = found[request.legs[0].name]
            return Fused(only.ordinals, only.scores.astype(np.float64))
        lists = {
            leg.name: LegList(found[leg.name].ordinals, found[leg.name].scores, leg.weight)
            for leg in request.legs
        }
        if request.fusion == LEARNED:
            return self._learned_for(lists)(lists)
        return FUSIONS.load(request.fusion)(list(lists.values()))

    def _learned_for(self, legs: Collection[str]) -> LearnedFusion:
        learned = self._learned
        if set(legs) != set(learned.legs):
            raise InvalidInput(
                f"The learnt fusion of {self.index.folder} is one of {', '.join(learned.legs)}; the request "
                f"asks for {', '.join(legs)}.",
                hint="Ask for the same legs, or for another fusion.",
                details={"field": "fusion"},
            )
        return learned

    @cached_property
    def _learned(self) -> LearnedFusion:
        return load_learned(self.index.folder)
