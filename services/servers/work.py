"""Blocking domain work under asyncio: a few threads, a short queue, deadlines, cancellation."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from skerry.core.deadline import Deadline
from skerry.core.errors import Overloaded

T = TypeVar("T")

_AHEAD = 64
"""Events that a stream may run ahead of its reader."""
_POLL = 0.05


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """A result; `queue` and `total` are the seconds it waited, and took in all."""

    value: T
    queue: float
    total: float


class Work:
    """Runs a service's domain calls in threads.

    At most `workers` run at once and `queue` wait; what comes then is refused with `Overloaded`. A call's
    `Deadline` ends with the gRPC deadline, and is cancelled when the caller goes: the thread then stops at
    its next check, and only then its place is free again.

    Args:
        name: of the service, for thread names and errors.
    """

    def __init__(self, name: str, workers: int, queue: int) -> None:
        self.name = name
        self.workers = workers
        self.queue = queue
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self._places = asyncio.Semaphore(workers)
        self._waiting = 0
        self._running: set[Deadline] = set()
        self._typical = 0.1

    @property
    def running(self) -> int:
        """How many threads are at work."""
        return len(self._running)

    async def call(self, context: Any, function: Callable[[Deadline], T]) -> Done[T]:
        """Run `function` in a thread and return what it returns.

        Raises:
            Overloaded: the queue is full.
            whatever `function` raises.
        """
        start = time.perf_counter()
        await self._enter()
        entered = time.perf_counter()
        deadline = Deadline(context.time_remaining())
        future = self._start(deadline, entered, lambda: function(deadline))
        try:
            value = await asyncio.shield(future)
        finally:
            deadline.cancel()
        return Done(value, entered - start, time.perf_counter() - start)

    async def stream(
        self, context: Any, function: Callable[[Deadline], Iterator[T]]
    ) -> AsyncIterator[Done[T]]:
        """Run the iterator that `function` returns in one thread and yield its items as they come.

        An item's `total` is the time since the call. Raises as `call` does.
        """
        start = time.perf_counter()
        await self._enter()
        entered = time.perf_counter()
        deadline = Deadline(context.time_remaining())
        loop = asyncio.get_running_loop()
        items: asyncio.Queue[tuple[T] | None] = asyncio.Queue()
        ahead = threading.Semaphore(_AHEAD)

        def pump() -> None:
            iterator = function(deadline)
            with closing(iterator):  # type: ignore[type-var]
                for item in iterator:
                    while not ahead.acquire(timeout=_POLL):
                        deadline.check("waiting for the client to read")
                    loop.call_soon_threadsafe(items.put_nowait, (item,))

        future = self._start(deadline, entered, pump)
        future.add_done_callback(lambda _: items.put_nowait(None))
        try:
            while (item := await items.get()) is not None:
                ahead.release()
                yield Done(item[0], entered - start, time.perf_counter() - start)
            await future
        finally:
            deadline.cancel()

    def cancel_all(self) -> None:
        """Tell everything that runs that its caller has gone."""
        for deadline in tuple(self._running):
            deadline.cancel()

    def close(self) -> None:
        """Stop taking work; what runs ends by itself."""
        self.cancel_all()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _enter(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        if self._waiting >= self.queue:
            wait = self._typical * (self._waiting + 1) / self.workers
            raise Overloaded(
                f"The {self.name} service has {self.workers} calls at work and {self._waiting} waiting.",
                retry_after=min(30.0, max(0.1, wait)),
                hint="Try again after the time in RetryInfo.",
            )
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1

    def _start(self, deadline: Deadline, entered: float, function: Callable[[], T]) -> asyncio.Future[T]:
        self._running.add(deadline)
        future = asyncio.get_running_loop().run_in_executor(self._threads, function)

        def finished(done: asyncio.Future[T]) -> None:
            self._running.discard(deadline)
            self._places.release()
            self._typical += 0.1 * (time.perf_counter() - entered - self._typical)
            if not done.cancelled():
                done.exception()

        future.add_done_callback(finished)
        return future
