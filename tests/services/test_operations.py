"""Long work: watched, cancelled, remembered, and told as stopped after a crash."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from google.longrunning.operations_pb2 import Operation

from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, Cancelled, InvalidInput, NotFound
from skerry.protos.v1 import corpus_pb2
from skerry.services.errors import from_status
from skerry.services.operations import OperationStore, Tracker


def ended(store: OperationStore, name: str) -> Operation:
    until = time.monotonic() + 10
    while not (operation := store.get(name)).done:
        assert time.monotonic() < until
        time.sleep(0.01)
    return operation


def metadata(operation: Operation) -> corpus_pb2.OperationMetadata:
    message = corpus_pb2.OperationMetadata()
    operation.metadata.Unpack(message)
    return message


def until_cancelled(tracker: Tracker, deadline: Deadline) -> Any:
    while True:
        deadline.check()
        time.sleep(0.01)


def test_progress_and_result(tmp_path: Path) -> None:
    store, go_on = OperationStore(tmp_path), threading.Event()

    def work(tracker: Tracker, deadline: Deadline) -> Any:
        with tracker.task("passages", 10, "pages") as task:
            task.advance(4)
            tracker.count(skipped=2)
            go_on.wait(10)
        return corpus_pb2.BuildIndexResult(index_version="v1")

    begun = store.start("sea", "build", work)
    until = time.monotonic() + 10
    while metadata(store.get(begun.name)).done != 4:
        assert time.monotonic() < until
        time.sleep(0.01)
    now = metadata(store.get(begun.name))
    assert (now.corpus, now.kind, now.stage, now.total, now.skipped) == ("sea", "build", "passages", 10, 2)
    assert now.rate > 0
    go_on.set()
    operation = ended(store, begun.name)
    result = corpus_pb2.BuildIndexResult()
    assert operation.response.Unpack(result)
    assert result.index_version == "v1"
    assert metadata(operation).HasField("end_time")
    store.close()
    assert OperationStore(tmp_path).get(begun.name) == operation


def test_errors_and_faults() -> None:
    store = OperationStore(None)

    def fail(tracker: Tracker, deadline: Deadline) -> Any:
        raise NotFound("There is no such thing.")

    def fault(tracker: Tracker, deadline: Deadline) -> Any:
        raise ZeroDivisionError("secret")

    known = from_status(ended(store, store.start("c", "build", fail).name).error)
    assert isinstance(known, NotFound)
    hidden = from_status(ended(store, store.start("c", "build", fault).name).error)
    assert "secret" not in str(hidden)
    assert hidden.details["id"]


def test_cancel_while_running_and_while_waiting() -> None:
    store = OperationStore(None)
    first, second = (store.start("c", "build", until_cancelled).name for _ in range(2))
    with pytest.raises(InvalidInput):
        store.delete(first)
    store.cancel(second)
    store.cancel(first)
    for name in (first, second):
        assert isinstance(from_status(ended(store, name).error), Cancelled)
        store.cancel(name)
        store.delete(name)
    with pytest.raises(NotFound):
        store.get(first)
    with pytest.raises(NotFound):
        store.cancel("operations/none")


def test_server_that_stops(tmp_path: Path) -> None:
    store = OperationStore(tmp_path)
    name = store.start("c", "build", until_cancelled).name
    store.close()
    assert isinstance(from_status(store.get(name).error), BackendUnavailable)
    with pytest.raises(BackendUnavailable):
        store.start("c", "build", until_cancelled)


def test_crash(tmp_path: Path) -> None:
    (tmp_path / "build-1.pb").write_bytes(Operation(name="operations/build-1").SerializeToString())
    (tmp_path / "build-2.pb").write_bytes(b"\xff\xff")
    store = OperationStore(tmp_path)
    assert store.names() == ["operations/build-1"]
    operation = store.get("operations/build-1")
    assert operation.done
    assert "goes on" in str(from_status(operation.error))
