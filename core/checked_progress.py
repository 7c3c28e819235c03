"""Progress that watches a deadline: long work that reports how far it is can be stopped there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from skerry.core.deadline import Deadline
from skerry.core.progress import Progress, Task


class _CheckedTask:
    def __init__(self, task: Task, deadline: Deadline, doing: str) -> None:
        self._task, self._deadline, self._doing = task, deadline, doing

    def advance(self, amount: float = 1) -> None:
        self._task.advance(amount)
        self._deadline.check(self._doing)

    def note(self, text: str) -> None:
        self._task.note(text)

    def set_total(self, total: float) -> None:
        self._task.set_total(total)


class CheckedProgress:
    """Passes on what it is told, and raises `Cancelled` or `DeadlineExceeded` where a task advances too late.

    Args:
        doing: what is being done, for the error.
    """

    def __init__(self, progress: Progress, deadline: Deadline, doing: str) -> None:
        self._progress, self._deadline, self._doing = progress, deadline, doing

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        """See `Progress.task`."""
        with self._progress.task(name, total, unit) as task:
            yield _CheckedTask(task, self._deadline, self._doing)
