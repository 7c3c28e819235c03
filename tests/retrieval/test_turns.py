"""Calls that gather while the worker works."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, DeadlineExceeded, InvalidInput
from skerry.retrieval.turns import JointDeadline, Turns


class Worker:
    """Squares numbers, holding every turn until it is told to go on."""

    def __init__(self) -> None:
        self.turns: list[list[int]] = []
        self.started = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)

    def __call__(self, kind: str, asks: list[int], deadline: Deadline) -> list[int]:
        self.turns.append(list(asks))
        self.started.release()
        while not self.go_on.acquire(timeout=0.01):
            deadline.check("squaring")
        if kind == "broken":
            raise InvalidInput("broken")
        return [ask * ask for ask in asks]


def waiting(turns: Turns[str, int, int], count: int) -> None:
    """Wait until so many calls are in."""
    end = time.monotonic() + 10
    while len(turns._waiting) < count and time.monotonic() < end:
        time.sleep(0.001)
    assert len(turns._waiting) == count


def test_calls_gather_by_kind_up_to_the_most() -> None:
    worker = Worker()
    turns: Turns[str, int, int] = Turns(threading.Lock(), worker, 4)
    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(turns.call, "a", [1], 1, Deadline())
        worker.started.acquire(timeout=10)
        rest = []
        for number, (kind, asks) in enumerate(
            [("a", [2, 3]), ("b", [9]), ("a", [4]), ("a", [5, 6]), ("a", [7])]
        ):
            rest.append(threads.submit(turns.call, kind, asks, len(asks), Deadline()))
            waiting(turns, number + 2)
        worker.go_on.release(10)
        assert first.result(10) == [1]
        assert [call.result(10) for call in rest] == [[4, 9], [81], [16], [25, 36], [49]]
    assert worker.turns[0] == [1]
    assert sorted(ask for turn in worker.turns for ask in turn) == [1, 2, 3, 4, 5, 6, 7, 9]
    assert [9] in worker.turns
    assert max(map(len, worker.turns)) <= 4
    assert len(worker.turns) <= 5
    assert turns._waiting == []


def test_an_error_is_the_callers_whose_turn_it_is() -> None:
    worker = Worker()
    turns: Turns[str, int, int] = Turns(threading.Lock(), worker, 4)
    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(turns.call, "broken", [n], 1, Deadline()) for n in range(3)]
        worker.go_on.release(10)
        for call in calls:
            with pytest.raises(InvalidInput, match="broken"):
                call.result(10)
    worker.go_on.release(1)
    assert turns.call("fine", [3], 99, Deadline()) == [9]


def test_nobody_is_told_of_anothers_bad_input() -> None:
    started, go_on = threading.Semaphore(0), threading.Semaphore(0)

    def work(kind: str, asks: list[int], deadline: Deadline) -> list[int]:
        started.release()
        go_on.acquire(timeout=10)
        if -1 in asks:
            raise InvalidInput("-1 cannot be asked")
        return asks

    turns: Turns[str, int, int] = Turns(threading.Lock(), work, 9)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(turns.call, "a", [0], 1, Deadline())
        started.acquire(timeout=10)
        rest = [threads.submit(turns.call, "a", [ask], 1, Deadline()) for ask in (1, -1, 2)]
        waiting(turns, 4)
        go_on.release(20)
        assert first.result(10) == [0]
        assert [rest[0].result(10), rest[2].result(10)] == [[1], [2]]
        with pytest.raises(InvalidInput, match="-1"):
            rest[1].result(10)


def test_who_waits_in_vain_leaves_and_the_others_are_answered() -> None:
    worker = Worker()
    turns: Turns[str, int, int] = Turns(threading.Lock(), worker, 4)
    gone = Deadline()
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(turns.call, "a", [1], 1, Deadline())
        worker.started.acquire(timeout=10)
        late = threads.submit(turns.call, "a", [2], 1, Deadline(0.01))
        left = threads.submit(turns.call, "a", [3], 1, gone)
        gone.cancel()
        with pytest.raises(DeadlineExceeded, match="waiting for the model"):
            late.result(10)
        with pytest.raises(Cancelled):
            left.result(10)
        worker.go_on.release()
        assert first.result(10) == [1]


def test_work_goes_on_while_anyone_wants_it() -> None:
    gone, patient = Deadline(0), Deadline()
    JointDeadline([gone, patient]).check()
    assert JointDeadline([gone, patient]).remaining() is None
    assert JointDeadline([gone, Deadline(5)]).remaining() == pytest.approx(5, abs=1)
    with pytest.raises(DeadlineExceeded, match="squaring"):
        JointDeadline([gone, Deadline(0)]).check("squaring")
    patient.cancel()
    with pytest.raises(DeadlineExceeded):
        JointDeadline([gone, patient]).check()
