"""Idempotence: once is once, also across a restart and between threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from skerry.core.errors import InvalidInput, NotFound
from skerry.protos.v1 import corpus_pb2
from skerry.services.replays import Replays


def request(name: str, identity: str = "r1") -> corpus_pb2.CreateCorpusRequest:
    return corpus_pb2.CreateCorpusRequest(corpus=name, request_id=identity)


def answer(name: str) -> corpus_pb2.CreateCorpusResponse:
    return corpus_pb2.CreateCorpusResponse(corpus=corpus_pb2.Corpus(id=name))


def forbidden() -> corpus_pb2.CreateCorpusResponse:
    raise AssertionError("done twice")


def test_first_answer_again_also_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "requests"
    replays = Replays(path)
    assert replays.once("Create", request("a"), lambda: answer("a")) == answer("a")
    assert replays.once("Create", request("a"), forbidden) == answer("a")
    replays.close()
    with path.open("ab") as file:
        file.write(b'["cut off')
    again = Replays(path)
    assert again.once("Create", request("a"), forbidden) == answer("a")
    assert again.once("Delete", request("a"), lambda: answer("other")) == answer("other")
    with pytest.raises(InvalidInput, match="another request"):
        again.once("Create", request("b"), forbidden)


def test_failures_may_be_tried_again() -> None:
    replays = Replays(None)

    def fail() -> corpus_pb2.CreateCorpusResponse:
        raise NotFound("no")

    with pytest.raises(NotFound):
        replays.once("Create", request("a"), fail)
    assert replays.once("Create", request("a"), lambda: answer("a")) == answer("a")


def test_no_id_no_memory() -> None:
    replays = Replays(None)
    assert replays.once("Create", request("a", ""), lambda: answer("a")) == answer("a")
    assert replays.once("Create", request("a", ""), lambda: answer("b")) == answer("b")
    with pytest.raises(InvalidInput):
        replays.once("Create", request("a", "x" * 129), forbidden)


def test_threads_do_it_once() -> None:
    replays, done = Replays(None), []

    def create() -> corpus_pb2.CreateCorpusResponse:
        done.append(1)
        return answer("a")

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: replays.once("Create", request("a"), create), range(32)))
    assert results == [answer("a")] * 32
    assert len(done) == 1
