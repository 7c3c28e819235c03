"""Threads under asyncio: places, queue, deadlines, and work that stops when its caller goes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, DeadlineExceeded, NotFound, Overloaded
from skerry.services.servers.work import Work


class Caller:
    """What `Work` asks of a call's context: how long its caller will wait."""

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds

    def time_remaining(self) -> float | None:
        return self._seconds


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))  # type: ignore[arg-type]


def until_stopped(stopped: threading.Event) -> Callable[[Deadline], Any]:
    def work(deadline: Deadline) -> None:
        try:
            while True:
                deadline.check()
                time.sleep(0.005)
        finally:
            stopped.set()

    return work


def test_value_and_errors_come_through() -> None:
    async def test() -> None:
        work = Work("Test", 1, 1)
        done = await work.call(Caller(), lambda _: 7)
        assert done.value == 7
        assert done.total >= done.queue >= 0

        def fail(_: Deadline) -> None:
            raise NotFound("no")

        with pytest.raises(NotFound):
            await work.call(Caller(), fail)
        assert (await work.call(Caller(), lambda _: 8)).value == 8

    run(test)


def test_deadline_is_passed_on() -> None:
    async def test() -> None:
        work = Work("Test", 1, 1)
        with pytest.raises(DeadlineExceeded):
            await work.call(Caller(0.05), until_stopped(threading.Event()))
        assert (await work.call(Caller(5), lambda d: d.remaining())).value == pytest.approx(5, abs=1)
        assert (await work.call(Caller(), lambda d: d.remaining())).value is None

    run(test)


def test_cancelled_call_stops_its_thread_and_frees_its_place() -> None:
    async def test() -> None:
        work, stopped = Work("Test", 1, 4), threading.Event()
        call = asyncio.create_task(work.call(Caller(), until_stopped(stopped)))
        await asyncio.sleep(0.05)
        waiting = asyncio.create_task(work.call(Caller(), lambda _: "next"))
        await asyncio.sleep(0.02)
        assert work.running == 1
        call.cancel()
        assert (await waiting).value == "next"
        assert stopped.is_set()
        with pytest.raises(asyncio.CancelledError):
            await call

    run(test)


def test_full_queue_is_refused() -> None:
    async def test() -> None:
        work, release = Work("Test", 2, 3), threading.Event()
        calls = [asyncio.create_task(work.call(Caller(), lambda _: release.wait(10))) for _ in range(5)]
        await asyncio.sleep(0.05)
        with pytest.raises(Overloaded) as caught:
            await work.call(Caller(), lambda _: None)
        assert 0.1 <= caught.value.retry_after <= 30
        release.set()
        assert [done.value for done in await asyncio.gather(*calls)] == [True] * 5
        assert (await work.call(Caller(), lambda _: 1)).value == 1

    run(test)


def test_waiting_that_is_cancelled_leaves_the_queue() -> None:
    async def test() -> None:
        work, release = Work("Test", 1, 1), threading.Event()
        first = asyncio.create_task(work.call(Caller(), lambda _: release.wait(10)))
        await asyncio.sleep(0.02)
        for _ in range(5):
            waiting = asyncio.create_task(work.call(Caller(), lambda _: None))
            await asyncio.sleep(0.01)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        release.set()
        await first
        assert (await work.call(Caller(), lambda _: 1)).value == 1

    run(test)


def test_stream_comes_in_order_and_ends() -> None:
    async def test() -> None:
        work = Work("Test", 1, 1)
        items = [done.value async for done in work.stream(Caller(), lambda _: iter_range(1000))]
        assert items == list(range(1000))

    run(test)


def iter_range(count: int) -> Iterator[int]:
    yield from range(count)


def test_stream_error_comes_after_its_items() -> None:
    def broken(_: Deadline) -> Iterator[int]:
        yield 1
        raise NotFound("no")

    async def test() -> None:
        stream = Work("Test", 1, 1).stream(Caller(), broken)
        assert (await anext(stream)).value == 1
        with pytest.raises(NotFound):
            await anext(stream)

    run(test)


def test_stream_that_is_left_stops_its_generator() -> None:
    produced, closed = [], threading.Event()

    def endless(deadline: Deadline) -> Iterator[int]:
        try:
            while True:
                deadline.check()
                produced.append(1)
                yield len(produced)
        finally:
            closed.set()

    async def test() -> None:
        work = Work("Test", 1, 1)

        async def read() -> None:
            async for done in work.stream(Caller(), endless):
                if done.value == 3:
                    await asyncio.sleep(60)

        reader = asyncio.create_task(read())
        await asyncio.sleep(0.3)
        # A reader that does not read holds the generator back.
        assert len(produced) < 200
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        assert await asyncio.to_thread(closed.wait, 5)
        assert (await work.call(Caller(), lambda _: 1)).value == 1

    run(test)


def test_cancel_all() -> None:
    async def test() -> None:
        work, stopped = Work("Test", 1, 1), threading.Event()
        call = asyncio.create_task(work.call(Caller(), until_stopped(stopped)))
        await asyncio.sleep(0.05)
        work.cancel_all()
        with pytest.raises(Cancelled):
            await call
        work.close()

    run(test)
