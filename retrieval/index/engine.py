"""Where the work of a build runs: one protocol, so that a build knows nothing of processes or clusters."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Protocol, TypeVar

from skerry.core.deadline import Deadline

T = TypeVar("T")
R = TypeVar("R")


class Engine(Protocol):
    """Runs picklable tasks side by side.

    Attributes:
        name: as a manifest records it ("local", "ray", "serial").
        workers: how many tasks run at the same time.
        threads: how many threads one task may use.
    """

    name: str
    workers: int
    threads: int

    def map(
        self, function: Callable[[T], R], tasks: Iterable[T], deadline: Deadline
    ) -> Generator[R, None, None]:
        """Yield `function(task)` for every task, in the order in which they finish.

        `tasks` is read as workers become free, so that it may be larger than memory. `function` is a
        module-level function. Closing the generator stops the workers at once.

        Raises:
            the first error of a task, as it was raised there; the other tasks are stopped.
            BackendUnavailable: a worker died.
            Cancelled, DeadlineExceeded: `deadline` said so; the workers are stopped.
        """
        ...


class SerialEngine:
    """Runs tasks one after the other in this process: small corpora, debugging."""

    name = "serial"
    workers = 1

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads

    def map(
        self, function: Callable[[T], R], tasks: Iterable[T], deadline: Deadline
    ) -> Generator[R, None, None]:
        """See `Engine.map`."""
        for task in tasks:
            deadline.check("building the index")
            yield function(task)
