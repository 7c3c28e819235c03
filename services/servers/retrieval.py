"""RetrievalService: queries to hits, over the corpora of this server."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.protos.v1 import retrieval_pb2
from skerry.retrieval.base import LegRequest, RetrievalRequest, RetrievalResult
from skerry.retrieval.validation import MAX_LIMIT, check_request
from skerry.services.catalogue import Catalogue, Opened
from skerry.services.convert.fields import duration, timings
from skerry.services.convert.passages import hit
from skerry.services.convert.retrieval import retrieve_request_of
from skerry.services.servers.work import Work

SERVICE = "skerry.v1.RetrievalService"
_MOST_REQUESTS = 256


class RetrievalServicer:
    """See protos/skerry/v1/retrieval.proto."""

    def __init__(self, catalogue: Catalogue, work: Work) -> None:
        self._catalogue = catalogue
        self._work = work

    async def Retrieve(self, request: Any, context: Any) -> Any:  # noqa: N802 -- the contract's name
        done = await self._work.call(context, lambda deadline: self._retrieve(request, deadline))
        done.value.timings.total.CopyFrom(duration(done.total))
        done.value.timings.queue.CopyFrom(duration(done.queue))
        return done.value

    async def BatchRetrieve(self, request: Any, context: Any) -> Any:  # noqa: N802 -- the contract's name
        done = await self._work.call(context, lambda deadline: self._batch(request, deadline))
        return retrieval_pb2.BatchRetrieveResponse(
            responses=done.value, timings=timings({}, done.total, done.queue)
        )

    def _retrieve(self, request: Any, deadline: Deadline) -> Any:
        wanted = retrieve_request_of(request)
        check_request(replace(wanted, legs=wanted.legs or (LegRequest("bm25"),)))
        size = request.page_size if request.HasField("page_size") else wanted.limit
        if not 1 <= size <= MAX_LIMIT:
            raise InvalidInput(
                f"page_size is {size}; it must be from 1 to {MAX_LIMIT}.", details={"field": "page_size"}
            )
        with self._catalogue.lease(request.corpus) as opened:
            state = _state(request, opened)
            start = _start(request.page_token, state)
            [result] = opened.pipeline.retrieve([with_legs(wanted, opened.index.legs)], deadline)
            end = start + size
            more = _token(end, state) if end < len(result.hits) else ""
            return _response(replace(result, hits=result.hits[start:end]), opened, more)

    def _batch(self, request: Any, deadline: Deadline) -> list[Any]:
        if not 1 <= len(request.requests) <= _MOST_REQUESTS:
            raise InvalidInput(
                f"A batch has 1 to {_MOST_REQUESTS} requests, not {len(request.requests)}.",
                details={"field": "requests"},
            )
        corpora = {item.corpus for item in request.requests}
        if len(corpora) > 1:
            raise InvalidInput(
                "The requests of a batch must be of one corpus.", details={"field": "requests.corpus"}
            )
        for item in request.requests:
            if item.page_token or item.HasField("page_size"):
                raise InvalidInput(
                    "Pages are not given in a batch.",
                    hint="Use Retrieve, or set `limit`.",
                    details={"field": "requests.page_token"},
                )
        wanted = [retrieve_request_of(item) for item in request.requests]
        with self._catalogue.lease(corpora.pop()) as opened:
            results = opened.pipeline.retrieve(
                [with_legs(item, opened.index.legs) for item in wanted], deadline
            )
            return [_response(result, opened, "") for result in results]


def with_legs(request: RetrievalRequest, legs: Sequence[str]) -> RetrievalRequest:
    """The request, with every leg of the index where it names none."""
    if request.legs:
        return request
    return replace(request, legs=tuple(LegRequest(leg) for leg in legs))


def _response(result: RetrievalResult, opened: Opened, token: str) -> Any:
    return retrieval_pb2.RetrieveResponse(
        hits=[hit(item) for item in result.hits],
        next_page_token=token,
        corpus=opened.corpus,
        index_version=opened.index.version,
        timings=timings(result.timings, result.timings.get("total", 0.0)),
    )


def _state(request: Any, opened: Opened) -> str:
    """What a page token is bound to: the request without its paging, and the version that answers."""
    plain = retrieval_pb2.RetrieveRequest()
    plain.CopyFrom(request)
    plain.ClearField("page_token")
    plain.ClearField("page_size")
    data = plain.SerializeToString(deterministic=True) + opened.index.version.encode()
    return hashlib.sha256(data).hexdigest()[:16]


def _token(start: int, state: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([start, state]).encode()).decode()


def _start(token: str, state: str) -> int:
    if not token:
        return 0
    try:
        start, bound = json.loads(base64.urlsafe_b64decode(token.encode()))
    except ValueError:
        start, bound = 0, ""
    if bound != state or not isinstance(start, int) or start < 0:
        raise InvalidInput(
            "The page token does not belong to this request, or the index has changed since.",
            hint="Ask again from the first page.",
            details={"field": "page_token"},
        )
    return start
