"""Long work on the server: started, watched, cancelled, remembered."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from google.longrunning.operations_pb2 import Operation
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, Cancelled, InvalidInput, NotFound, SkerryError
from skerry.core.files import write_atomically
from skerry.protos.v1 import corpus_pb2
from skerry.services.errors import internal_error, to_status
from skerry.services.observability.logs import log

_PREFIX = "operations/"
_SUFFIX = ".pb"


class Tracker:
    """The progress of one operation: a `Progress` and its task in one, read while the work goes on."""

    def __init__(self, corpus: str, kind: str) -> None:
        self._metadata = corpus_pb2.OperationMetadata(corpus=corpus, kind=kind, start_time=now())
        self._lock = threading.Lock()
        self._began = time.monotonic()

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[Tracker]:
        """Begin a stage; counts start again."""
        with self._lock:
            self._metadata.stage, self._metadata.done, self._metadata.rate = name, 0, 0.0
            self._metadata.total = int(total or 0)
            self._began = time.monotonic()
        yield self

    def advance(self, amount: float = 1) -> None:
        with self._lock:
            self._metadata.done += int(amount)
            self._metadata.rate = self._metadata.done / max(1e-3, time.monotonic() - self._began)

    def note(self, text: str) -> None:
        """Notes are for terminals."""

    def set_total(self, total: float) -> None:
        with self._lock:
            self._metadata.total = int(total)

    def count(self, failed: int = 0, skipped: int = 0) -> None:
        """Add to what failed and what was passed over."""
        with self._lock:
            self._metadata.failed += failed
            self._metadata.skipped += skipped

    def finish(self) -> None:
        with self._lock:
            self._metadata.end_time.CopyFrom(now())

    def snapshot(self) -> corpus_pb2.OperationMetadata:
        """The metadata as it is now."""
        with self._lock:
            copy = corpus_pb2.OperationMetadata()
            copy.CopyFrom(self._metadata)
            return copy


class _Running:
    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.deadline = Deadline()
        self.cancelled = False


class OperationStore:
    """Operations by name; finished ones stay until they are deleted, also over restarts.

    Args:
        folder: where they are kept; None keeps them in memory.
        workers: operations that run at the same time; others wait in order.
    """

    def __init__(self, folder: Path | None, workers: int = 1) -> None:
        self._folder = folder
        self._threads = ThreadPoolExecutor(workers, "operation")
        self._lock = threading.Lock()
        self._operations: dict[str, Operation] = {}
        self._running: dict[str, _Running] = {}
        self._closing = False
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._load(folder)

    def start(self, corpus: str, kind: str, work: Callable[[Tracker, Deadline], Any]) -> Operation:
        """Begin `work` in the background; what it returns becomes the operation's response."""
        name = f"{_PREFIX}{kind}-{uuid.uuid4().hex[:16]}"
        running = _Running(Tracker(corpus, kind))
        operation = Operation(name=name)
        operation.metadata.Pack(running.tracker.snapshot())
        with self._lock:
            if self._closing:
                raise BackendUnavailable("The server is shutting down.", hint="Ask another server.")
            self._keep(operation)
            self._running[name] = running
        self._threads.submit(self._run, name, running, work)
        return self.get(name)

    def get(self, name: str) -> Operation:
        """An operation as it is now. Raises `NotFound`."""
        with self._lock:
            operation = self._operations.get(name)
            if operation is None:
                raise NotFound(
                    f"There is no operation {name[:80]!r}.", details={"kind": "operation", "name": name}
                )
            copy = Operation()
            copy.CopyFrom(operation)
            running = self._running.get(name)
        if running is not None:
            copy.metadata.Pack(running.tracker.snapshot())
        return copy

    def names(self) -> list[str]:
        """Every operation's name, sorted."""
        with self._lock:
            return sorted(self._operations)

    def cancel(self, name: str) -> None:
        """Ask an operation to stop; no effect on one that has ended. Raises `NotFound`."""
        self.get(name)
        with self._lock:
            running = self._running.get(name)
        if running is not None:
            running.cancelled = True
            running.deadline.cancel()

    def delete(self, name: str) -> None:
        """Forget an operation that has ended. Raises `NotFound`, or `InvalidInput` while it runs."""
        if not self.get(name).done:
            raise InvalidInput(
                f"The operation {name} has not ended.", hint="Cancel it first.", details={"field": "name"}
            )
        with self._lock:
            self._operations.pop(name, None)
            if self._folder is not None:
                self._file(name).unlink(missing_ok=True)

    def close(self) -> None:
        """Stop what runs, and wait for it; a stopped build, started again, goes on where it was."""
        with self._lock:
            self._closing = True
            running = list(self._running.values())
        for item in running:
            item.deadline.cancel()
        self._threads.shutdown(wait=True)

    def _run(self, name: str, running: _Running, work: Callable[[Tracker, Deadline], Any]) -> None:
        operation = Operation(name=name, done=True)
        try:
            running.deadline.check("waiting to begin")
            operation.response.Pack(work(running.tracker, running.deadline))
        except (SkerryError, Exception) as error:  # noqa: BLE001 -- the edge: an operation must always end
            known = error if isinstance(error, SkerryError) else internal_error()
            if known is not error:
                log(logging.ERROR, "fault", exc_info=error, id=known.details["id"], operation=name)
            if isinstance(known, Cancelled):
                known = (
                    Cancelled("The operation was cancelled.", hint="Started again, it goes on where it was.")
                    if running.cancelled
                    else _stopped()
                )
            operation.error.CopyFrom(to_status(known))
        running.tracker.finish()
        metadata = running.tracker.snapshot()
        operation.metadata.Pack(metadata)
        with self._lock:
            self._running.pop(name)
            self._keep(operation)
        log(logging.INFO, "operation", name=name, stage=metadata.stage, code=operation.error.code)

    def _keep(self, operation: Operation) -> None:
        self._operations[operation.name] = operation
        if self._folder is not None:
            write_atomically(self._file(operation.name), operation.SerializeToString())

    def _file(self, name: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{name.removeprefix(_PREFIX)}{_SUFFIX}"

    def _load(self, folder: Path) -> None:
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            try:
                operation = Operation.FromString(path.read_bytes())
            except DecodeError:
                log(logging.WARNING, "operation cannot be read", file=str(path))
                continue
            if not operation.done:
                operation.done = True
                operation.error.CopyFrom(to_status(_stopped()))
                write_atomically(path, operation.SerializeToString())
            self._operations[operation.name] = operation


def now() -> Timestamp:
    """The time, for a message."""
    stamp = Timestamp()
    stamp.GetCurrentTime()
    return stamp


def _stopped() -> BackendUnavailable:
    return BackendUnavailable(
        "The server stopped before the operation had ended.", hint="Start it again: it goes on where it was."
    )
