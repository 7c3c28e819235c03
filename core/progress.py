"""Progress on stderr: bars on a terminal, one line now and then elsewhere, nothing when told so."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One piece of long work being counted."""

    def advance(self, amount: float = 1) -> None: ...

    def note(self, text: str) -> None:
        """Show a few words beside the bar (a loss, a file name)."""
        ...

    def set_total(self, total: float) -> None: ...


class Progress(Protocol):
    """Where long work reports to."""

    def task(self, name: str, total: float | None = None, unit: str = "") -> AbstractContextManager[Task]: ...


class _SilentTask:
    def advance(self, amount: float = 1) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def set_total(self, total: float) -> None:
        pass


class SilentProgress:
    """Reports nothing."""

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        yield _SilentTask()


class _LineTask:
    """Prints at most one line in `every` seconds, and one at the end."""

    def __init__(self, name: str, total: float | None, unit: str, every: float) -> None:
        self.name, self.total, self.unit, self.every = name, total, unit, every
        self.done, self.text = 0.0, ""
        self.start = self.printed = time.monotonic()

    def advance(self, amount: float = 1) -> None:
        self.done += amount
        if time.monotonic() - self.printed >= self.every:
            self.show()

    def note(self, text: str) -> None:
        self.text = text

    def set_total(self, total: float) -> None:
        self.total = total

    def show(self) -> None:
        self.printed = time.monotonic()
        elapsed = self.printed - self.start
        if not self.done and self.total is None:
            print(f"{self.name}: {elapsed:.1f} s {self.text}".rstrip(), file=sys.stderr, flush=True)
            return
        total = f"/{self.total:,.0f}" if self.total else ""
        rate = self.done / elapsed if elapsed > 0 else 0.0
        left = f", {(self.total - self.done) / rate:.0f} s left" if self.total and rate > 0 else ""
        print(
            f"{self.name}: {self.done:,.0f}{total} {self.unit} in {elapsed:.0f} s "
            f"({rate:,.1f}/s{left}) {self.text}".rstrip(),
            file=sys.stderr,
            flush=True,
        )


class LineProgress:
    """For logs: a line every `every` seconds."""

    def __init__(self, every: float = 10.0) -> None:
        self.every = every

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        task = _LineTask(name, total, unit, self.every)
        try:
            yield task
        finally:
            task.show()


class _BarTask:
    def __init__(self, bars: object, identity: int) -> None:
        self._bars = bars
        self._identity = identity

    def advance(self, amount: float = 1) -> None:
        self._bars.advance(self._identity, amount)  # type: ignore[attr-defined]

    def note(self, text: str) -> None:
        self._bars.update(self._identity, text=text)  # type: ignore[attr-defined]

    def set_total(self, total: float) -> None:
        self._bars.update(self._identity, total=total)  # type: ignore[attr-defined]


class BarProgress:
    """For terminals: a bar with rate, time left and a note."""

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bars

        with Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[text]}"),
            console=Console(stderr=True),
        ) as bars:
            yield _BarTask(bars, bars.add_task(name, total=total, unit=unit, text=""))


def default_progress(quiet: bool = False) -> Progress:
    """Bars when stderr is a terminal, lines when it is not, nothing when `quiet`."""
    if quiet:
        return SilentProgress()
    return BarProgress() if sys.stderr.isatty() else LineProgress()
