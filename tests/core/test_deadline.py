"""Deadlines run out, and cancellation wins."""

from __future__ import annotations

import threading
import time

import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, DeadlineExceeded


def test_without_limit_nothing_happens() -> None:
    deadline = Deadline()
    assert deadline.remaining() is None
    deadline.check()


def test_runs_out() -> None:
    deadline = Deadline(0.02)
    deadline.check()
    remaining = deadline.remaining()
    assert remaining is not None and 0 < remaining <= 0.02
    time.sleep(0.03)
    assert deadline.remaining() == 0.0
    with pytest.raises(DeadlineExceeded, match="while counting"):
        deadline.check("counting")


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_no_time_at_all(seconds: float) -> None:
    with pytest.raises(DeadlineExceeded):
        Deadline(seconds).check()


def test_cancel_from_another_thread_wins_over_time() -> None:
    deadline = Deadline(0.0)
    thread = threading.Thread(target=deadline.cancel)
    thread.start()
    thread.join()
    with pytest.raises(Cancelled, match="while reading"):
        deadline.check("reading")


def test_a_part_leaves_time_and_ends_with_the_whole() -> None:
    whole = Deadline(10.0)
    part = whole.reserving(0.75)
    left, before = part.remaining(), whole.remaining()
    assert left is not None and before is not None
    assert 2.0 < left <= 2.5 and before > 9.0
    assert Deadline().reserving(0.5).remaining() is None
    with pytest.raises(DeadlineExceeded):
        Deadline(0.0).reserving(0.5).check()
    whole.cancel()
    with pytest.raises(Cancelled):
        part.check()
