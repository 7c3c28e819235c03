"""Progress whose notes end in a text that somebody else keeps up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from skerry.core.progress import Progress, Task


class _NotedTask:
    def __init__(self, task: Task, also: Callable[[], str]) -> None:
        self._task, self._also = task, also

    def advance(self, amount: float = 1) -> None:
        self._task.advance(amount)

    def note(self, text: str) -> None:
        self._task.note(f"{text} {self._also()}".rstrip())

    def set_total(self, total: float) -> None:
        self._task.set_total(total)


class NotedProgress:
    """Passes on what it is told.

    Args:
        also: what every note ends in: the last scores, beside the loss.
    """

    def __init__(self, progress: Progress, also: Callable[[], str]) -> None:
        self._progress, self._also = progress, also

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        """See `Progress.task`."""
        with self._progress.task(name, total, unit) as task:
            yield _NotedTask(task, self._also)
