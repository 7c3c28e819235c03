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
