"""Work that reports to a progress with a deadline stops when the deadline says so."""

from __future__ import annotations

import pytest

from skerry.core.checked_progress import CheckedProgress
from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled
from skerry.core.progress import LineProgress


def test_it_passes_on_and_stops(capsys: pytest.CaptureFixture[str]) -> None:
    deadline = Deadline()
    steps = 0
    with (
        pytest.raises(Cancelled, match="while learning"),
        CheckedProgress(LineProgress(), deadline, "learning").task("steps", unit="steps") as task,
    ):
        task.set_total(10)
        task.note("loss 1")
        for _ in range(10):
            steps += 1
            if steps == 3:
                deadline.cancel()
            task.advance()
    assert steps == 3
    assert "steps: 3/10 steps" in capsys.readouterr().err
