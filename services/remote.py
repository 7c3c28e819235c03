"""Retrieval, ranking and generation on other servers, behind the same protocols as the local ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc

from skerry.core.deadline import Deadline
from skerry.core.errors import SkerryError
from skerry.generation.base import Event, GenerationRequest
from skerry.protos.v1 import (
    generation_pb2_grpc,
    ranking_pb2,
    ranking_pb2_grpc,
    retrieval_pb2,
    retrieval_pb2_grpc,
)
from skerry.ranking.base import RankRequest
from skerry.ranking.plan import RankPlan
from skerry.ranking.ranked import Ranked, RankingChain
from skerry.retrieval.base import RetrievalRequest, RetrievalResult
from skerry.services.client.channel import channel_options
from skerry.services.convert.events import event_of
from skerry.services.convert.generation import generate_request
from skerry.services.convert.ranking import rank_request, ranked_of
from skerry.services.convert.retrieval import retrieval_result_of, retrieve_request
from skerry.services.errors import from_call

_POLL = 0.05


class Remote:
    """A channel to a server, on which calls end with their `Deadline`, cancellation included."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.channel = grpc.insecure_channel(target, options=channel_options())

    def call(self, method: Any, request: Any, deadline: Deadline) -> Any:
        """One unary call with what is left of the deadline."""
        deadline.check(f"calling {self.target}")
        future = method.future(request, timeout=deadline.remaining())
        try:
            while True:
                try:
                    return future.result(timeout=_POLL)
                except grpc.FutureTimeoutError:
                    deadline.check(f"waiting for {self.target}")
        except grpc.RpcError as error:
            raise from_call(error, self.target) from error
        finally:
            future.cancel()

    def stream(self, method: Any, request: Any, deadline: Deadline) -> Iterator[Any]:
        """One server stream with what is left of the deadline."""
        deadline.check(f"calling {self.target}")
        call = method(request, timeout=deadline.remaining())
        with _watched(call, deadline):
            try:
                yield from call
            except grpc.RpcError as error:
                # A cancellation of ours is told as what it was.
                deadline.check(f"reading from {self.target}")
                raise from_call(error, self.target) from error
            finally:
                call.cancel()

    def close(self) -> None:
        self.channel.close()


@contextmanager
def _watched(call: Any, deadline: Deadline) -> Iterator[None]:
    """Cancel `call` soon after the deadline has been cancelled."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_POLL):
            try:
                deadline.check()
            except SkerryError:
                call.cancel()
                return

    watcher = threading.Thread(target=watch, name="deadline", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()


class RemoteRetrieval:
    """A `RetrievalChain` on a retrieval service; requests without legs ask every leg of the index there."""

    def __init__(self, remote: Remote, corpus: str = "") -> None:
        self._remote = remote
        self._corpus = corpus
        self._stub = retrieval_pb2_grpc.RetrievalServiceStub(remote.channel)

    def retrieve(self, requests: Sequence[RetrievalRequest], deadline: Deadline) -> list[RetrievalResult]:
        """See `RetrievalChain.retrieve`."""
        messages = [retrieve_request(request, self._corpus) for request in requests]
        if len(messages) == 1:
            response = self._remote.call(self._stub.Retrieve, messages[0], deadline)
            return [retrieval_result_of(response)]
        batch = retrieval_pb2.BatchRetrieveRequest(requests=messages)
        response = self._remote.call(self._stub.BatchRetrieve, batch, deadline)
        return [retrieval_result_of(item) for item in response.responses]


class RemoteRankers:
    """`ServedRankers` on a ranking service."""

    def __init__(self, remote: Remote) -> None:
        self.name = f"remote:{remote.target}"
        self._remote = remote
        self._stub = ranking_pb2_grpc.RankingServiceStub(remote.channel)

    def rank(self, requests: Sequence[RankRequest], plan: RankPlan, deadline: Deadline) -> list[Ranked]:
        """See `RankingChain.rank`."""
        batch = ranking_pb2.BatchRankRequest(requests=[rank_request(item, plan) for item in requests])
        response = self._remote.call(self._stub.BatchRank, batch, deadline)
        return [ranked_of(item) for item in response.responses]

    def chain(self, name: str) -> RankingChain:
        """See `ServedRankers.chain`: the other server knows which rankers it has."""
        return self

    def loaded(self) -> tuple[list[str], str]:
        """See `ServedRankers.loaded`."""
        return [self.name], self.name


class RemoteGenerator:
    """A `Generator` on a generation service."""

    def __init__(self, remote: Remote) -> None:
        self.name = f"remote:{remote.target}"
        self._remote = remote
        self._stub = generation_pb2_grpc.GenerationServiceStub(remote.channel)

    def generate(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Event]:
        """See `Generator.generate`."""
        message = generate_request(request)
        for response in self._remote.stream(self._stub.Generate, message, deadline):
            yield event_of(response)  # type: ignore[misc]
