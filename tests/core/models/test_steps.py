"""The loop of a training run."""

from __future__ import annotations

import pytest

from skerry.core.models.steps import learning_rate_share, run_steps
from skerry.core.progress import SilentProgress


def test_the_learning_rate_by_hand() -> None:
    assert [learning_rate_share(done) for done in (0, 0.01, 0.5, 1)] == pytest.approx([0.01, 0.5, 0.5, 0.01])
    assert learning_rate_share(0.02) == pytest.approx(1, abs=1e-3)


def test_steps_from_where_the_run_stood_and_what_is_kept() -> None:
    taken: list[tuple[int, float]] = []
    kept: list[int] = []

    def step(number: int, share: float) -> float:
        taken.append((number, share))
        return 1.0

    run_steps(step, kept.append, done=3, total=10, keep_every=4, progress=SilentProgress())
    assert [number for number, _ in taken] == list(range(3, 10))
    assert [share for _, share in taken] == [learning_rate_share(n / 10) for n in range(3, 10)]
    assert kept == [4, 8]


def test_what_keeps_may_end_the_run() -> None:
    taken: list[int] = []

    def step(number: int, share: float) -> float:
        taken.append(number)
        return 1.0

    def run(last: int) -> int:
        taken.clear()
        return run_steps(
            step, lambda done: done < last, done=1, total=11, keep_every=3, progress=SilentProgress()
        )

    assert run(6) == 6
    assert taken == list(range(1, 6))
    # Where nothing is kept any more nothing ends it.
    assert run(10) == 11
    assert taken == list(range(1, 11))


def test_nothing_left_to_do() -> None:
    def never(*_: object) -> float:
        raise AssertionError

    silent = SilentProgress()
    assert run_steps(never, lambda _: None, done=4, total=4, keep_every=1, progress=silent) == 4
