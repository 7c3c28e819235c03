"""The services as a client meets them: a real process, real sockets, good and bad input."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from skerry.core.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    IndexNotReady,
    InvalidInput,
    NotFound,
    Overloaded,
)
from skerry.generation.answer import AnswerRequest
from skerry.generation.base import GenerationRequest, Source
from skerry.protos.v1 import corpus_pb2, corpus_pb2_grpc, retrieval_pb2, retrieval_pb2_grpc
from skerry.ranking.base import Candidate, RankRequest
from skerry.retrieval.base import LegRequest, RetrievalRequest
from skerry.retrieval.corpus.records import Page
from skerry.services.client import AsyncClient, Client
from skerry.services.client.channel import channel_options

BM25 = (LegRequest("bm25"),)
RETRIEVE = "/skerry.v1.RetrievalService/Retrieve"
TOOLS = Path(sys.executable).parent


def question(query: str = "who kept the lighthouse lamp?", **knobs: Any) -> RetrievalRequest:
    return RetrievalRequest(**{"query": query, "legs": BM25, **knobs})


def details(error: grpc.RpcError) -> dict[str, Any]:
    """The google.rpc details of a failed call, by type name."""
    found: dict[str, Any] = {}
    for key, value in error.trailing_metadata() or ():  # type: ignore[attr-defined]
        if key == "grpc-status-details-bin":
            for packed in status_pb2.Status.FromString(value).details:
                name = packed.type_url.rpartition(".")[2]
                message = getattr(error_details_pb2, name)()
                packed.Unpack(message)
                found[name] = message
    return found


@pytest.fixture
def client(plain: Any) -> Iterator[Client]:
    with Client(plain.address, deadline=30) as client:
        yield client
        # Whatever a test did to it, the server still answers.
        assert client.retrieve(question()).hits[0].passage.page_id == "lighthouses"


@pytest.fixture
def channel(plain: Any, client: Client) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(plain.address) as channel:
        yield channel


def raw(channel: grpc.Channel, data: bytes, timeout: float = 10) -> grpc.RpcError:
    """The error with which a retrieval of these bytes fails."""
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(RETRIEVE)(data, timeout=timeout)
    return caught.value


class TestRetrieval:
    def test_hit_is_whole(self, client: Client) -> None:
        result = client.retrieve(question(limit=1))
        [hit] = result.hits
        assert (hit.passage.title, hit.legs[0].leg, hit.legs[0].rank) == ("Lighthouses", "bm25", 1)
        assert "Maren Holt" in hit.passage.text
        assert hit.passage.span.end_character == len(hit.passage.text)
        assert {"bm25", "total", "queue"} <= set(result.timings)

    def test_batch_equals_single(self, client: Client) -> None:
        requests = [question(query) for query in ("lighthouse", "moon tide", "puffin beak")]
        batch = client.batch_retrieve(requests)
        assert [r.hits for r in batch] == [client.retrieve(request).hits for request in requests]

    def test_filter(self, client: Client) -> None:
        hits = client.retrieve(question("the", page_ids=frozenset({"tides"}))).hits
        assert {hit.passage.page_id for hit in hits} == {"tides"}

    def test_no_legs_means_all(self, client: Client) -> None:
        assert client.retrieve(question(legs=())).hits == client.retrieve(question()).hits

    def test_pages_join_to_the_whole(self, client: Client, channel: grpc.Channel) -> None:
        stub = retrieval_pb2_grpc.RetrievalServiceStub(channel)
        request = retrieval_pb2.RetrieveRequest(query="the sea and a tower in cold water", page_size=1)
        whole = client.retrieve(question(request.query)).hits
        seen = []
        while True:
            response = stub.Retrieve(request)
            seen += [hit.passage.id for hit in response.hits]
            if not response.next_page_token:
                break
            request.page_token = response.next_page_token
        assert len(whole) > 1
        assert seen == [hit.passage.id for hit in whole]
        request.query = "another"
        with pytest.raises(grpc.RpcError) as caught:
            stub.Retrieve(request)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


class TestBadInput:
    @pytest.mark.parametrize(
        ("request_", "kind", "field"),
        [
            (question(""), InvalidInput, "query"),
            (question(" \n"), InvalidInput, "query"),
            (question("x" * 1_000_000), InvalidInput, "query"),
            (question(limit=0), InvalidInput, "limit"),
            (question(limit=10**9), InvalidInput, "limit"),
            (question(limit=10**10), InvalidInput, "request"),
            (question("\ud800"), InvalidInput, "request"),
            (question(legs=(LegRequest("bm25", limit=0),)), InvalidInput, None),
            (question(legs=(LegRequest("bm25", weight=float("nan")),)), InvalidInput, None),
            (question(legs=(LegRequest("dense"),)), IndexNotReady, None),
            (question(legs=(LegRequest("splade"),)), NotFound, None),
            (question(fusion="borda"), NotFound, None),
        ],
    )
    def test_retrieval(
        self, client: Client, request_: RetrievalRequest, kind: type[Exception], field: str | None
    ) -> None:
        with pytest.raises(kind) as caught:
            client.retrieve(request_)
        if field is not None:
            assert caught.value.details["field"] == field  # type: ignore[attr-defined]

    def test_details_name_the_field(self, client: Client, channel: grpc.Channel) -> None:
        error = raw(channel, retrieval_pb2.RetrieveRequest(query=" ").SerializeToString())
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        found = details(error)
        assert (found["ErrorInfo"].domain, found["ErrorInfo"].reason) == ("skerry", "INVALID_INPUT")
        assert found["BadRequest"].field_violations[0].field == "query"
        assert found["RequestInfo"].request_id

    def test_leg_without_kind(self, client: Client, channel: grpc.Channel) -> None:
        request = retrieval_pb2.RetrieveRequest(query="sea")
        request.legs.add(limit=3)
        error = raw(channel, request.SerializeToString())
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert details(error)["BadRequest"].field_violations[0].field == "legs[0]"

    @pytest.mark.parametrize("leg", ["seal", "corpusbrain"])
    def test_leg_that_is_not_there(self, client: Client, leg: str) -> None:
        with pytest.raises((NotFound, IndexNotReady), match=leg):
            client.retrieve(question(legs=(LegRequest(leg),)))

    @pytest.mark.parametrize("data", [b"\x0a\x02\xff\xfe", b"\x0a\x7f", b"\xff" * 40])
    def test_bytes_that_are_no_request(self, client: Client, channel: grpc.Channel, data: bytes) -> None:
        error = raw(channel, data)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "UTF-8" in (error.details() or "")

    def test_invalid_utf8_in_a_stream(self, client: Client, channel: grpc.Channel) -> None:
        method = channel.stream_stream("/skerry.v1.CorpusService/IngestDocuments")
        with pytest.raises(grpc.RpcError) as caught:
            list(method(iter([b"\x0a\x02\xff\xfe"]), timeout=10))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT

    def test_deadline_of_a_millisecond(self, client: Client) -> None:
        for _ in range(20):
            with pytest.raises(DeadlineExceeded):
                client.batch_retrieve([question("the sea " * 4000)] * 100, deadline=0.001)

    def test_message_over_the_limit(self, client: Client, plain: Any) -> None:
        size = 17 * 1024 * 1024
        with pytest.raises(InvalidInput, match="limit"):
            client.retrieve(question("x" * size))
        options = [("grpc.max_send_message_length", -1)]
        with grpc.insecure_channel(plain.address, options=options) as channel:
            error = raw(channel, retrieval_pb2.RetrieveRequest(query="x" * size).SerializeToString())
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    def test_unknown_corpus(self, client: Client) -> None:
        with pytest.raises(NotFound, match="known: default"):
            client.retrieve(question(), corpus="atlantis")

    def test_batch_of_nothing(self, client: Client) -> None:
        with pytest.raises(InvalidInput):
            client.batch_retrieve([])

    def test_no_server(self) -> None:
        with Client("127.0.0.1:1") as client, pytest.raises(BackendUnavailable, match="cannot be reached"):
            client.server_info(deadline=5)

    def test_nothing_leaks_from_faults(self, plain: Any, client: Client) -> None:
        assert "Traceback" not in plain.logged()


class TestMissingModels:
    """What a server without models says: which part is missing and what to pull."""

    def test_generation(self, client: Client) -> None:
        request = GenerationRequest("who?", (Source("1", "t", "text"),))
        with pytest.raises(BackendUnavailable, match="models pull"):
            list(client.generate(request))

    def test_answer(self, client: Client) -> None:
        with pytest.raises(BackendUnavailable, match="models pull"):
            client.answer(AnswerRequest("who?", question()))

    def test_ranking(self, client: Client) -> None:
        with pytest.raises(BackendUnavailable, match="has no ranker"):
            client.rank([RankRequest("who?", (Candidate("t", "text"),))])

    def test_embedding(self, client: Client) -> None:
        with pytest.raises(BackendUnavailable, match="models pull"):
            client.embed(["text"])
        with pytest.raises(BackendUnavailable, match="models pull"):
            next(client.embed_stream([["text"]]))


class TestServer:
    def test_info(self, client: Client) -> None:
        info = client.server_info()
        assert info.message_limit == 16 * 1024 * 1024
        assert next(index for index in info.indexes if index.corpus == "default").legs == ("bm25",)
        assert "skerry.v1.AnswerService" in info.services
        assert info.generator == ""

    def test_health_of_every_service(self, client: Client) -> None:
        for service in ("", *client.server_info().services):
            assert client.healthy(service)
        with pytest.raises(NotFound):
            client.healthy("skerry.v1.NoService")

    def test_one_log_line_a_request(self, client: Client, plain: Any, channel: grpc.Channel) -> None:
        request = retrieval_pb2.RetrieveRequest(query="sea").SerializeToString()
        channel.unary_unary(RETRIEVE)(request, metadata=(("x-request-id", "mark-17"),))
        time.sleep(0.1)
        lines = [json.loads(line) for line in plain.logged().splitlines()]
        [line] = [line for line in lines if line.get("request_id") == "mark-17"]
        assert (line["method"], line["code"], line["event"]) == (RETRIEVE, "OK", "call")

    def test_port_in_use(self, plain: Any, bm25_index: Path) -> None:
        command = [sys.executable, "-m", "skerry", "serve", "retrieval", "--index", str(bm25_index)]
        done = subprocess.run(
            [*command, "--listen", plain.address], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 1
        assert f"{plain.address} cannot be listened on" in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == ""

    def test_nothing_to_serve(self) -> None:
        command = [sys.executable, "-m", "skerry", "serve", "retrieval", "--listen", "127.0.0.1:0"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 2
        assert "--index" in done.stderr

    def test_data_folder_in_use(self, plain: Any, tmp_path: Path) -> None:
        first = [sys.executable, "-m", "skerry", "serve", "corpus", "--listen", "127.0.0.1:0", "--data"]
        data = next(line for line in _command(plain) if line.startswith("--data="))[len("--data=") :]
        done = subprocess.run([*first, data], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 1
        assert "Another server uses" in done.stderr

    def test_async_client(self, plain: Any) -> None:
        async def use() -> None:
            async with AsyncClient(plain.address, deadline=30) as client:
                result = await client.retrieve(question())
                assert result.hits[0].passage.page_id == "lighthouses"
                assert (await client.server_info()).version
                with pytest.raises(InvalidInput):
                    await client.retrieve(question(""))
                with pytest.raises(BackendUnavailable):
                    async for _ in client.stream_answer(AnswerRequest("who?", question())):
                        pass

        asyncio.run(use())

    def test_async_client_says_what_is_missing(self, plain: Any) -> None:
        async def use() -> None:
            async with AsyncClient(plain.address, deadline=30) as client:
                assert await client.healthy()
                with pytest.raises(BackendUnavailable, match="models pull"):
                    await client.embed(["text"])
                with pytest.raises(BackendUnavailable, match="models pull"):
                    await anext(client.embed_stream([["text"]]))
                with pytest.raises(BackendUnavailable, match="has no ranker"):
                    await client.rank([RankRequest("who?", (Candidate("t", "text"),))])
                with pytest.raises(BackendUnavailable, match="models pull"):
                    await client.answer(AnswerRequest("who?", question()))

        asyncio.run(use())


class TestRequestsThatCannotBeMade:
    """A stream's requests are read behind the caller's back; their errors reach the caller all the same."""

    def batches(self) -> Iterator[list[str]]:
        yield ["\ud800"]

    def pages(self) -> Iterator[Page]:
        yield Page("1", "t", ("t", "Some text."))
        raise RuntimeError("the source broke")

    def test_client(self, client: Client) -> None:
        client.create_corpus("broken-source")
        with pytest.raises(InvalidInput, match="does not fit its field"):
            next(client.embed_stream(self.batches()))
        with pytest.raises(RuntimeError, match="the source broke"):
            list(client.ingest("broken-source", self.pages()))
        with pytest.raises(InvalidInput, match="does not fit its field"):
            client.embed_stream([], dimensions=10**10)
        client.delete_corpus("broken-source")

    def test_async_client(self, plain: Any) -> None:
        async def use() -> None:
            async with AsyncClient(plain.address, deadline=30) as client:
                await client.create_corpus("broken-source")
                with pytest.raises(InvalidInput, match="does not fit its field"):
                    await anext(client.embed_stream(self.batches()))
                with pytest.raises(RuntimeError, match="the source broke"):
                    async for _ in client.ingest("broken-source", self.pages()):
                        pass
                await client.delete_corpus("broken-source")
                good = [Page("1", "t", ("t", "Some text."))]
                await client.create_corpus("whole-source")
                assert [outcome.id async for outcome in client.ingest("whole-source", good)] == ["1"]
                await client.delete_corpus("whole-source")

        asyncio.run(use())


def _command(server: Any) -> list[str]:
    return [str(part) for part in server.process.args]


class TestReflection:
    """Every service is listed and can be called with nothing but the server's own description."""

    def run(self, tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = TOOLS / tool
        if not path.exists():
            pytest.skip(f"{tool} is not installed: it comes with the extra `dev`")
        return subprocess.run(
            [str(path), *arguments], capture_output=True, text=True, timeout=60, check=False
        )

    def test_grpcurl_calls_everything(self, client: Client, plain: Any) -> None:
        plaintext = ("-plaintext", plain.address)
        services = self.run("grpcurl", *plaintext, "list").stdout.split()
        assert set(client.server_info().services) <= set(services)
        for service in services:
            if service.startswith("grpc."):
                continue
            methods = self.run("grpcurl", *plaintext, "list", service).stdout.split()
            assert methods
            for method in methods:
                done = self.run("grpcurl", "-max-time", "10", "-d", "{}", *plaintext, method)
                assert done.returncode == 0 or "Code:" in done.stderr, done.stderr
                for code in ("Internal", "Unknown", "Unimplemented"):
                    assert f"Code: {code}\n" not in done.stderr, f"{method}: {done.stderr}"

    def test_grpcurl_retrieves(self, client: Client, plain: Any) -> None:
        request = json.dumps({"query": "lamp keeper", "legs": [{"bm25": {}, "limit": 5}], "limit": 1})
        done = self.run("grpcurl", "-plaintext", "-d", request, plain.address, RETRIEVE[1:])
        assert json.loads(done.stdout)["hits"][0]["passage"]["page_id"] == "lighthouses"

    def test_buf_curl(self, client: Client, plain: Any) -> None:
        plain_http = ("--protocol", "grpc", "--http2-prior-knowledge")
        listed = self.run("buf", "curl", *plain_http, f"http://{plain.address}", "--list-services")
        assert set(client.server_info().services) <= set(listed.stdout.split()), listed.stderr
        done = self.run(
            "buf", "curl", *plain_http, "-d", '{"query": "lamp keeper"}', f"http://{plain.address}{RETRIEVE}"
        )
        assert json.loads(done.stdout)["hits"][0]["passage"]["pageId"] == "lighthouses"
        bad = self.run("buf", "curl", *plain_http, "-d", "{}", f"http://{plain.address}{RETRIEVE}")
        assert json.loads(bad.stderr)["code"] == "invalid_argument"


class TestOverload:
    def test_refused_with_a_time_and_recovers(
        self, start: Any, bm25_index: Path, no_models: dict[str, str]
    ) -> None:
        server = start("retrieval", f"--index={bm25_index}", "--workers=1", "--queue=1", **no_models)
        heavy = [question("the moon and the sea " * 3000)] * 40
        with Client(server.address, deadline=60) as client:

            def call(_: int) -> str:
                try:
                    client.batch_retrieve(heavy)
                except Overloaded as error:
                    assert 0 < error.retry_after <= 30
                    return "refused"
                return "done"

            with ThreadPoolExecutor(12) as threads:
                results = list(threads.map(call, range(12)))
            assert results.count("refused") > 0
            assert results.count("done") > 0
            assert client.retrieve(question()).hits
        assert server.stop() == 0


class TestDrain:
    def test_calls_in_flight_end(self, start: Any, tmp_path: Path, no_models: dict[str, str]) -> None:
        server = start("corpus", f"--data={tmp_path / 'd'}", **no_models)
        go_on = threading.Event()

        def requests() -> Iterator[Any]:
            document = {"title": "t", "paragraphs": ["Some text."]}
            yield corpus_pb2.IngestDocumentsRequest(corpus="c", documents=[{"id": "1", **document}])
            go_on.wait(30)
            yield corpus_pb2.IngestDocumentsRequest(documents=[{"id": "2", **document}])

        with grpc.insecure_channel(server.address, options=channel_options()) as channel:
            stub = corpus_pb2_grpc.CorpusServiceStub(channel)
            stub.CreateCorpus(corpus_pb2.CreateCorpusRequest(corpus="c"))
            health = health_pb2_grpc.HealthStub(channel)
            watch = health.Watch(health_pb2.HealthCheckRequest())
            assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
            stream = stub.IngestDocuments(requests(), timeout=60)
            assert len(next(stream).results) == 1
            server.process.terminate()
            assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
            with pytest.raises(grpc.RpcError) as caught:
                stub.GetCorpus(corpus_pb2.GetCorpusRequest(corpus="c"))
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            assert details(caught.value)["ErrorInfo"].reason == "BACKEND_UNAVAILABLE"
            assert server.process.poll() is None
            go_on.set()
            assert len(next(stream).results) == 1
            assert list(stream) == []
        assert server.process.wait(20) == 0

    def test_what_outlasts_the_grace_is_cut_off(
        self, start: Any, tmp_path: Path, no_models: dict[str, str]
    ) -> None:
        data = f"--data={tmp_path / 'd'}"
        server = start("corpus", data, "--grace=0.5", **no_models)
        go_on = threading.Event()

        def requests() -> Iterator[Any]:
            yield corpus_pb2.IngestDocumentsRequest(corpus="c")
            go_on.wait(30)

        with grpc.insecure_channel(server.address) as channel:
            stub = corpus_pb2_grpc.CorpusServiceStub(channel)
            stub.CreateCorpus(corpus_pb2.CreateCorpusRequest(corpus="c"))
            stream = stub.IngestDocuments(requests(), timeout=60)
            next(stream)
            began = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - began < 10
            with pytest.raises(grpc.RpcError):
                next(stream)
            go_on.set()

    def test_interrupt_counts_too(self, start: Any, bm25_index: Path, no_models: dict[str, str]) -> None:
        import signal

        server = start("retrieval", f"--index={bm25_index}", **no_models)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(20) == 0
