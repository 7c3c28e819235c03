"""A deadline with cancellation, handed down from the edge to every long piece of work."""

from __future__ import annotations

import threading
import time

from skerry.core.errors import Cancelled, DeadlineExceeded


class Deadline:
    """When the caller stops waiting. Long work calls `check()` between its batches.

    Args:
        seconds: time left from now; None waits for ever.
    """

    __slots__ = ("_cancelled", "_expires")

    def __init__(self, seconds: float | None = None) -> None:
        self._expires = None if seconds is None else time.monotonic() + seconds
        self._cancelled = threading.Event()

    def remaining(self) -> float | None:
        """Seconds left (never below 0), or None without a deadline."""
        return None if self._expires is None else max(0.0, self._expires - time.monotonic())

    def reserving(self, share: float) -> Deadline:
        """One that leaves `share`, 0 to 1, of the time that is left now; it is cancelled with this one."""
        left = self.remaining()
        shorter = Deadline(None if left is None else left * (1.0 - share))
        shorter._cancelled = self._cancelled
        return shorter

    def cancel(self) -> None:
        """Say that the caller has gone; the next `check()` raises `Cancelled`. Safe from any thread."""
        self._cancelled.set()

    def check(self, doing: str = "working") -> None:
        """Raise `Cancelled` or `DeadlineExceeded` (naming what was being done) when time is up."""
        if self._cancelled.is_set():
            raise Cancelled(f"The caller went away while {doing}.")
        if self._expires is not None and time.monotonic() >= self._expires:
            raise DeadlineExceeded(
                f"The deadline passed while {doing}.", hint="Allow more time, or ask for less."
            )
