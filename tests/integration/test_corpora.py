"""Corpora over gRPC: documents in, builds watched, versions switched under load, nothing lost in a crash."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.longrunning import operations_pb2, operations_pb2_grpc

from skerry.core.errors import AlreadyExists, IndexNotReady, InvalidInput, NotFound
from skerry.protos.v1 import corpus_pb2, corpus_pb2_grpc
from skerry.retrieval.base import LegRequest, RetrievalRequest
from skerry.retrieval.corpus.records import Anchor, Page
from skerry.services.client import Client


def page(number: int, text: str = "") -> Page:
    return Page(f"p{number}", f"Page {number}", (f"Page {number}", text or f"This is text number {number}."))


def query(words: str) -> RetrievalRequest:
    return RetrievalRequest(words, (LegRequest("bm25"),))


@pytest.fixture
def client(plain: Any) -> Iterator[Client]:
    with Client(plain.address, deadline=60) as client:
        yield client


def test_from_documents_to_hits(client: Client) -> None:
    client.create_corpus("flow", "for a test")
    with pytest.raises(IndexNotReady):
        client.retrieve(query("text"), corpus="flow")
    with pytest.raises(IndexNotReady, match="no documents"):
        client.build_index("flow")
    linked = Page(
        "link", "Link", ("Link", "See the harbour."), (Anchor("harbour", "Harbour", 1, 8, 15),), {"a": "b"}
    )
    outcomes = list(client.ingest("flow", [*(page(n) for n in range(450)), linked]))
    assert [o.outcome for o in outcomes] == ["created"] * 451
    again = list(client.ingest("flow", [page(0), page(1, "Changed text."), Page("", "x", ("x", "y"))]))
    assert [o.outcome for o in again] == ["unchanged", "failed", "failed"]
    assert isinstance(again[1].error, AlreadyExists)
    assert isinstance(again[2].error, InvalidInput)
    [replaced] = client.ingest("flow", [page(1, "A walrus came.")], replace_existing=True)
    assert replaced.outcome == "replaced"
    assert client.delete_documents("flow", ["p2", "p3", "nope"]) == (2, ["nope"])

    first = client.wait(client.build_index("flow", {"bm25": {"stem": False}}, workers=1).name, deadline=120)
    assert (first.kind, first.corpus, first.done) == ("build", "flow", True)
    info = client.get_corpus("flow")
    assert (info.documents, info.pages, info.legs) == (449, 449, ("bm25",))
    assert info.index_version == first.index_version
    hits = client.retrieve(query("walrus"), corpus="flow").hits
    assert [hit.passage.page_id for hit in hits] == ["p1"]

    list(client.ingest("flow", [page(1000, "A narwhal came.")]))
    second = client.wait(client.build_index("flow", workers=1).name, deadline=120)
    assert client.retrieve(query("narwhal"), corpus="flow").hits
    versions = client.list_index_versions("flow")
    assert [v.version for v in versions] == [second.index_version, first.index_version]
    assert [v.active for v in versions] == [True, False]
    switch_under_load(client, first.index_version, second.index_version)
    with pytest.raises(NotFound):
        client.activate_index_version("flow", "000099-00000000")

    client.delete_corpus("flow")
    with pytest.raises(NotFound):
        client.get_corpus("flow")


def switch_under_load(client: Client, first: str, second: str) -> None:
    """Versions change back and forth while calls go on: none fails, and each is wholly of one version."""
    stop = threading.Event()
    counts: list[int] = []

    def ask() -> None:
        answered = 0
        while not stop.is_set():
            hits = client.retrieve(query("narwhal walrus"), corpus="flow").hits
            assert [hit.passage.page_id for hit in hits] in (["p1"], ["p1", "p1000"], ["p1000", "p1"])
            answered += 1
        counts.append(answered)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for version in (first, second) * 5:
        assert client.activate_index_version("flow", version).active
        assert client.get_corpus("flow").index_version == version
    stop.set()
    for thread in threads:
        thread.join()
    assert len(counts) == 3
    assert sum(counts) > 20


def test_import(client: Client, plain: Any, corpus_file: Path) -> None:
    folder = Path(next(a for a in plain.process.args if a.startswith("--import-folder=")).partition("=")[2])
    lines = corpus_file.read_text()
    (folder / "good.jsonl").write_text(lines)
    (folder / "bad.jsonl").write_text(lines + lines.splitlines()[0][:40] + "\n")
    client.create_corpus("import")
    done = client.wait(client.import_documents("import", "good.jsonl", "jsonl").name, deadline=60)
    assert dict(done.counts)["created"] == 4
    failed = client.import_documents("import", "bad.jsonl", "jsonl")
    with pytest.raises(InvalidInput, match=r"bad\.jsonl:5"):
        client.wait(failed.name, deadline=60)
    skipped = client.wait(
        client.import_documents("import", "bad.jsonl", "jsonl", skip_bad=True).name, deadline=60
    )
    assert (dict(skipped.counts)["unchanged"], skipped.skipped) == (4, 1)
    for path, kind in (("../x", InvalidInput), ("/etc/passwd", InvalidInput), ("none.jsonl", NotFound)):
        with pytest.raises(kind):
            client.import_documents("import", path, "jsonl")
    with pytest.raises(InvalidInput):
        client.import_documents("import", "good.jsonl", "csv")


def test_request_ids(client: Client, plain: Any) -> None:
    with grpc.insecure_channel(plain.address) as channel:
        stub = corpus_pb2_grpc.CorpusServiceStub(channel)
        request = corpus_pb2.CreateCorpusRequest(corpus="once", request_id="create-once")
        first = stub.CreateCorpus(request)
        assert stub.CreateCorpus(request).corpus == first.corpus
        request.request_id = "another"
        with pytest.raises(grpc.RpcError) as caught:
            stub.CreateCorpus(request)
        assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS
        other = corpus_pb2.CreateCorpusRequest(corpus="twice", request_id="create-once")
        with pytest.raises(grpc.RpcError) as caught:
            stub.CreateCorpus(other)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        list(client.ingest("once", [page(1)]))
        build = corpus_pb2.BuildIndexRequest(corpus="once", workers=1, request_id="build-once")
        started = stub.BuildIndex(build)
        assert stub.BuildIndex(build).name == started.name
        client.wait(started.name, deadline=120)


def test_operations(client: Client, plain: Any) -> None:
    client.create_corpus("ops")
    list(client.ingest("ops", [page(n) for n in range(50)]))
    begun = client.build_index("ops", workers=1)
    client.cancel_operation(begun.name)
    with pytest.raises(Exception, match="cancelled") as caught:
        client.wait(begun.name, deadline=60)
    assert type(caught.value).__name__ == "Cancelled"
    done = client.wait(client.build_index("ops", workers=1).name, deadline=120)
    assert done.index_version
    with grpc.insecure_channel(plain.address) as channel:
        stub = operations_pb2_grpc.OperationsStub(channel)
        names = [o.name for o in stub.ListOperations(operations_pb2.ListOperationsRequest()).operations]
        assert {begun.name, done.name} <= set(names)
        paged = stub.ListOperations(operations_pb2.ListOperationsRequest(page_size=1))
        assert len(paged.operations) == 1
        assert paged.next_page_token
        stub.DeleteOperation(operations_pb2.DeleteOperationRequest(name=begun.name))
    with pytest.raises(NotFound):
        client.operation(begun.name)


@pytest.mark.parametrize("name", ["", "UPPER", "a/b", "..", "-x", "x" * 65, "ä"])
def test_bad_corpus_names(client: Client, name: str) -> None:
    with pytest.raises(InvalidInput):
        client.create_corpus(name)


def test_given_index_is_read_only(client: Client) -> None:
    assert client.get_corpus("default").read_only
    with pytest.raises(InvalidInput, match="no documents"):
        client.delete_corpus("default")
    with pytest.raises(InvalidInput, match="no documents"):
        list(client.ingest("default", [page(1)]))
    with pytest.raises(InvalidInput):
        client.build_index("default")


def test_acknowledged_documents_survive_a_kill(start: Any, tmp_path: Path, no_models: Any) -> None:
    data = f"--data={tmp_path / 'd'}"
    server = start("corpus", data, **no_models)
    acknowledged = []
    with Client(server.address, deadline=30) as client:
        client.create_corpus("kept")
        stream = client.ingest("kept", (page(n) for n in range(100_000)))
        for outcome in stream:
            acknowledged.append(outcome.id)
            if len(acknowledged) == 600:
                server.process.send_signal(signal.SIGKILL)
                break
        server.process.wait(10)
    log = tmp_path / "d" / "corpora" / "kept" / "documents.jsonl"
    log.write_bytes(log.read_bytes() + b'{"put":{"id":"half')
    server = start("corpus", data, **no_models)
    with Client(server.address, deadline=60) as client:
        info = client.get_corpus("kept")
        assert info.documents >= 600
        again = list(client.ingest("kept", [page(n) for n in range(600)]))
        assert {o.outcome for o in again} == {"unchanged"}
    stored = {json.loads(line)["put"]["id"] for line in log.read_text().splitlines()}
    assert set(acknowledged) <= stored
    assert server.stop() == 0


def test_version_that_another_process_publishes(client: Client, bm25_index: Path, corpus_file: Path) -> None:
    before = client.get_corpus("default").index_version
    command = [sys.executable, "-m", "skerry", "index", "build", "--corpus", str(corpus_file)]
    command += ["--format", "jsonl", "--legs", "bm25", "--set", "bm25.stem=false", "--workers", "1"]
    subprocess.run([*command, "--out", str(bm25_index), "--quiet"], check=True, capture_output=True)
    until = time.monotonic() + 30
    while (now := _served(client)) == before:
        assert time.monotonic() < until
        assert client.retrieve(query("lighthouse")).hits
        time.sleep(0.1)
    assert client.get_corpus("default").index_version == now


def _served(client: Client) -> str:
    return next(index.version for index in client.server_info().indexes if index.corpus == "default")
