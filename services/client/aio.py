"""The asynchronous client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Self, TypeVar

import grpc
import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import DeadlineExceeded
from skerry.generation.answer import AnswerRequest, References
from skerry.generation.base import Event, GenerationRequest
from skerry.ranking.base import RankRequest
from skerry.ranking.plan import WHOLE_LIST, RankPlan
from skerry.ranking.ranked import Ranked
from skerry.retrieval.base import Option, RetrievalRequest, RetrievalResult
from skerry.retrieval.corpus.records import Page
from skerry.services.client import calls
from skerry.services.client.channel import channel_options
from skerry.services.client.requests import RequestStream, check_size
from skerry.services.client.results import (
    Answer,
    CorpusInfo,
    IndexVersionInfo,
    IngestOutcome,
    OperationInfo,
    ServerInfo,
)
from skerry.services.client.stubs import stubs
from skerry.services.errors import from_call

R = TypeVar("R")


class AsyncClient:
    """Skerry's services at one address, in the domain's words; an async context manager for one event loop.

    Every method takes `deadline`, the seconds that the whole call may take (None: the client's own), and
    raises the errors that the domain raises in one process: `InvalidInput`, `NotFound`, `IndexNotReady`,
    `IndexCorrupt`, `AlreadyExists`, `Overloaded` (with `retry_after`), `DeadlineExceeded`, and
    `BackendUnavailable` when the server cannot be reached or lacks a part.

    Args:
        target: the server's address, "127.0.0.1:50651".
        deadline: for calls that give none; None waits for ever.
    """

    def __init__(self, target: str, *, deadline: float | None = None) -> None:
        self.target = target
        self._deadline = deadline
        self._channel = grpc.aio.insecure_channel(target, options=channel_options())
        self._stubs = stubs(self._channel)

    async def server_info(self, *, deadline: float | None = None) -> ServerInfo:
        """Version, limits, services, and what is served."""
        return await self._call(calls.server_info(), deadline)

    async def healthy(self, service: str = "", *, deadline: float | None = None) -> bool:
        """Whether the server says that it (or one service, by full name) is SERVING."""
        return await self._call(calls.healthy(service), deadline)

    async def retrieve(
        self, request: RetrievalRequest, *, corpus: str = "", deadline: float | None = None
    ) -> RetrievalResult:
        """Hits for one query. A request without legs asks every leg of the index."""
        return await self._call(calls.retrieve(request, corpus), deadline)

    async def batch_retrieve(
        self, requests: Sequence[RetrievalRequest], *, corpus: str = "", deadline: float | None = None
    ) -> list[RetrievalResult]:
        """One result a request, in order."""
        return await self._call(calls.batch_retrieve(requests, corpus), deadline)

    async def rank(
        self,
        requests: Sequence[RankRequest],
        plan: RankPlan = WHOLE_LIST,
        *,
        deadline: float | None = None,
    ) -> list[Ranked]:
        """Each request's candidates ranked, by default by the server's first ranker."""
        return await self._call(calls.rank(requests, plan), deadline)

    async def rank_passages(
        self,
        query: str,
        passages: Mapping[str, float],
        plan: RankPlan = WHOLE_LIST,
        *,
        corpus: str = "",
        deadline: float | None = None,
    ) -> Ranked:
        """Passages of an index that the server serves, ranked: ids with first-stage scores, 0 for none."""
        return await self._call(calls.rank_passages(query, passages, plan, corpus), deadline)

    async def embed(
        self,
        texts: Sequence[str],
        *,
        dimensions: int | None = None,
        layers: int | None = None,
        deadline: float | None = None,
    ) -> NDArray[np.float32]:
        """Unit vectors, float32 of shape (len(texts), dimensions), by the encoder's first `layers`."""
        return await self._call(calls.embed(texts, dimensions, layers), deadline)

    def embed_stream(
        self,
        batches: Iterable[Sequence[str]],
        *,
        dimensions: int | None = None,
        layers: int | None = None,
        deadline: float | None = None,
    ) -> AsyncIterator[NDArray[np.float32]]:
        """Any number of batches; each one's unit vectors as soon as they are done, in order: see `embed`."""
        return self._exchange(calls.embed_stream(batches, dimensions, layers), deadline)

    def generate(self, request: GenerationRequest, *, deadline: float | None = None) -> AsyncIterator[Event]:
        """The generator's events as they come. Closing the iterator ends the work on the server."""
        return self._stream(calls.generate(request), deadline)

    async def answer(
        self, request: AnswerRequest, *, corpus: str = "", deadline: float | None = None
    ) -> Answer:
        """The whole chain in one response."""
        return await self._call(calls.answer(request, corpus), deadline)

    def stream_answer(
        self, request: AnswerRequest, *, corpus: str = "", deadline: float | None = None
    ) -> AsyncIterator[References | Event]:
        """References first, then the generator's events. Closing the iterator ends the work on the server."""
        return self._stream(calls.stream_answer(request, corpus), deadline)

    async def create_corpus(
        self, corpus: str, description: str = "", *, request_id: str = "", deadline: float | None = None
    ) -> CorpusInfo:
        """Make an empty corpus; `request_id` (one is made up) lets the call be repeated harmlessly."""
        return await self._call(calls.create_corpus(corpus, description, request_id), deadline)

    async def get_corpus(self, corpus: str, *, deadline: float | None = None) -> CorpusInfo:
        """One corpus."""
        return await self._call(calls.get_corpus(corpus), deadline)

    async def list_corpora(self, *, deadline: float | None = None) -> list[CorpusInfo]:
        """Every corpus, by id."""
        found, token = await self._call(calls.list_corpora(""), deadline)
        while token:
            more, token = await self._call(calls.list_corpora(token), deadline)
            found += more
        return found

    async def delete_corpus(
        self, corpus: str, *, request_id: str = "", deadline: float | None = None
    ) -> None:
        """Delete a corpus with its documents and index versions."""
        await self._call(calls.delete_corpus(corpus, request_id), deadline)

    async def ingest(
        self,
        corpus: str,
        pages: Iterable[Page],
        *,
        replace_existing: bool = False,
        deadline: float | None = None,
    ) -> AsyncIterator[IngestOutcome]:
        """Send documents as a stream; one outcome each, in order, once it is on the server's disk."""
        call = calls.ingest(corpus, pages, replace_existing)
        async with aclosing(self._exchange(call, deadline)) as responses:
            async for outcomes in responses:
                for outcome in outcomes:
                    yield outcome

    async def delete_documents(
        self, corpus: str, ids: Sequence[str], *, request_id: str = "", deadline: float | None = None
    ) -> tuple[int, list[str]]:
        """How many documents were deleted, and the ids that were not there."""
        return await self._call(calls.delete_documents(corpus, ids, request_id), deadline)

    async def import_documents(
        self,
        corpus: str,
        path: str,
        format: str,  # noqa: A002 -- the word that the command line uses
        *,
        skip_bad: bool = False,
        replace_existing: bool = False,
        request_id: str = "",
        deadline: float | None = None,
    ) -> OperationInfo:
        """Start reading documents from below the server's import folder."""
        call = calls.import_documents(corpus, path, format, skip_bad, replace_existing, request_id)
        return await self._call(call, deadline)

    async def build_index(
        self,
        corpus: str,
        legs: Mapping[str, Mapping[str, Option]] | None = None,
        *,
        passage_words: int | None = None,
        workers: int | None = None,
        request_id: str = "",
        deadline: float | None = None,
    ) -> OperationInfo:
        """Start making a new index version; `legs` by name with their parameters, bm25 alone by default."""
        call = calls.build_index(corpus, legs or {}, passage_words, workers, request_id)
        return await self._call(call, deadline)

    async def list_index_versions(
        self, corpus: str, *, deadline: float | None = None
    ) -> list[IndexVersionInfo]:
        """Newest first."""
        return await self._call(calls.list_index_versions(corpus), deadline)

    async def activate_index_version(
        self, corpus: str, version: str, *, request_id: str = "", deadline: float | None = None
    ) -> IndexVersionInfo:
        """Make a version the one that answers."""
        return await self._call(calls.activate_index_version(corpus, version, request_id), deadline)

    async def operation(self, name: str, *, deadline: float | None = None) -> OperationInfo:
        """Long work as it is now."""
        return await self._call(calls.get_operation(name), deadline)

    async def cancel_operation(self, name: str, *, deadline: float | None = None) -> None:
        """Ask long work to stop."""
        await self._call(calls.cancel_operation(name), deadline)

    async def wait(self, name: str, *, deadline: float | None = None) -> OperationInfo:
        """Wait for long work to end. Raises its error, or `DeadlineExceeded` when it takes longer."""
        until = None if deadline is None else time.monotonic() + deadline
        while True:
            left = calls.STEP if until is None else min(calls.STEP, until - time.monotonic())
            if left <= 0:
                raise DeadlineExceeded(f"The operation {name} has not ended.", hint="Wait longer.")
            operation = await self._call(calls.wait_operation(name, left), left + calls.STEP)
            if operation.error is not None:
                raise operation.error
            if operation.done:
                return operation

    async def close(self) -> None:
        """Close the connection; calls in flight end."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _seconds(self, deadline: float | None) -> float | None:
        return self._deadline if deadline is None else deadline

    async def _call(self, call: calls.Call[R], deadline: float | None) -> R:
        check_size(call.request)
        method = getattr(self._stubs[call.service], call.method)
        try:
            return call.read(await method(call.request, timeout=self._seconds(deadline)))
        except grpc.RpcError as error:
            raise from_call(error, self.target) from error

    async def _stream(self, call: calls.Call[R], deadline: float | None) -> AsyncIterator[R]:
        check_size(call.request)
        method = getattr(self._stubs[call.service], call.method)
        stream = method(call.request, timeout=self._seconds(deadline))
        try:
            async for message in stream:
                yield call.read(message)
        except grpc.RpcError as error:
            raise from_call(error, self.target) from error
        finally:
            stream.cancel()

    async def _exchange(self, call: calls.Call[R], deadline: float | None) -> AsyncGenerator[R, None]:
        method = getattr(self._stubs[call.service], call.method)
        requests = RequestStream(call.request)
        stream = method(requests, timeout=self._seconds(deadline))
        try:
            async for message in stream:
                yield call.read(message)
        except (grpc.RpcError, asyncio.CancelledError) as error:
            # gRPC cancels the call where a request could not be made.
            if requests.failure is not None:
                raise requests.failure from error
            if isinstance(error, asyncio.CancelledError):
                raise
            raise from_call(error, self.target) from error
        finally:
            stream.cancel()
