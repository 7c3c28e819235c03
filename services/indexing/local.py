"""Builds on this machine: spawned worker processes that never outlive the build."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, TypeVar

from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, InvalidInput

T = TypeVar("T")
R = TypeVar("R")

_PATIENCE = 0.2
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


class LocalEngine:
    """See `Engine`. Workers are started when there is work for them, and end with the map.

    Args:
        workers: processes; as many as there are processors by default.
        threads: threads of each; processors divided by workers by default, so that they do not get in each
            other's way.
    """

    name = "local"

    def __init__(self, workers: int | None = None, threads: int | None = None) -> None:
        cores = len(os.sched_getaffinity(0))
        self.workers = cores if workers is None else workers
        if not 1 <= self.workers <= 1024:
            raise InvalidInput(
                f"Workers must be from 1 to 1024, not {workers}.", details={"field": "workers"}
            )
        self.threads = max(1, cores // self.workers) if threads is None else threads

    def map(
        self, function: Callable[[T], R], tasks: Iterable[T], deadline: Deadline
    ) -> Generator[R, None, None]:
        """See `Engine.map`."""
        team = _Team(self.workers, self.threads)
        source = iter(tasks)
        try:
            upcoming = next(source, _END)
            while upcoming is not _END or team.busy:
                while upcoming is not _END and team.has_room():
                    team.give((function, upcoming))
                    upcoming = next(source, _END)
                yield from team.results(_PATIENCE)
                deadline.check("building the index")
            team.dismiss()
        finally:
            team.kill()


_END: Any = object()


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    connection: Connection
    busy: bool = False


class _Team:
    """The workers of one map, and the pipe to each."""

    def __init__(self, size: int, threads: int) -> None:
        self.size = size
        self.threads = threads
        self.workers: list[_Worker] = []

    @property
    def busy(self) -> bool:
        return any(worker.busy for worker in self.workers)

    def has_room(self) -> bool:
        return len(self.workers) < self.size or not all(worker.busy for worker in self.workers)

    def give(self, message: tuple[Callable[[Any], Any], Any]) -> None:
        """Hand a task to a worker that has none; a new one if all have."""
        worker = next((worker for worker in self.workers if not worker.busy), None) or self._start()
        worker.busy = True
        try:
            worker.connection.send(message)
        except BrokenPipeError as error:
            raise _died(worker) from error

    def results(self, patience: float) -> list[Any]:
        """What has been finished; waits at most `patience` seconds for something."""
        by_connection = {worker.connection: worker for worker in self.workers if worker.busy}
        results = []
        for ready in wait(list(by_connection), patience):
            worker = by_connection[ready]  # type: ignore[index]
            try:
                good, value = worker.connection.recv()
            except EOFError as error:
                raise _died(worker) from error
            worker.busy = False
            if not good:
                raise value
            results.append(value)
        return results

    def dismiss(self) -> None:
        """Let every worker go home, and wait for it."""
        for worker in self.workers:
            worker.connection.close()
        for worker in self.workers:
            worker.process.join(10)

    def kill(self) -> None:
        """End whatever still runs."""
        for worker in self.workers:
            worker.connection.close()
            if worker.process.is_alive():
                worker.process.kill()
            worker.process.join()
            worker.process.close()
        self.workers.clear()

    def _start(self) -> _Worker:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self.threads), daemon=True)
        with _interrupts_held():
            process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self.workers.append(worker)
        return worker


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """A terminal's Ctrl-C goes to its whole group: one that a worker gets while it is still starting, before
    `_work` says what to do with it, would end it with a traceback. What is held back here it inherits."""
    resource_tracker.ensure_running()  # whatever starts it lets the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(connection: Connection, threads: int) -> None:
    """The life of a worker: a task after the other until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(threads)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    while True:
        try:
            function, task = connection.recv()
        except EOFError:
            return
        try:
            reply = (True, function(task))
        except Exception as error:  # noqa: BLE001 -- raised again in the process that gave the task
            error.add_note("In a worker process:\n" + "".join(traceback.format_exception(error)))
            reply = (False, error)
        connection.send(reply)


def _die_with_parent() -> None:
    """A build that was killed leaves no worker behind to write into its folders."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _died(worker: _Worker) -> BackendUnavailable:
    worker.process.join(10)
    code = worker.process.exitcode
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        how, hints = (
            f"was ended by {name}",
            {
                "SIGKILL": "The system may have run out of memory: try fewer --workers.",
                "SIGBUS": "The disk may be full.",
            },
        )
        hint = hints.get(name, "")
    else:
        how, hint = f"ended with status {code}", ""
    return BackendUnavailable(
        f"A worker process (id {worker.process.pid}) {how}.",
        hint=f"{hint} Finished shards are kept: run the same command again and it resumes.".strip(),
        details={"pid": str(worker.process.pid), "status": str(code)},
    )
