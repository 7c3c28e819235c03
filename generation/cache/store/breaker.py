"""A tier that fails is left alone for a while, then tried again: a hung server costs one time-out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 30.0


class Breaker:
    """Opens at a failure: for a second, and twice as long at each further one, up to half a minute.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pause = 0.0
        self._until = 0.0

    def allows(self) -> bool:
        """Whether to try now. After a pause one caller is let through, and the others after its success."""
        with self._lock:
            if not self._pause:
                return True
            now = self._clock()
            if now < self._until:
                return False
            self._until = now + self._pause
            return True

    def succeeded(self) -> None:
        """The last try went well: everyone may try."""
        with self._lock:
            self._pause = 0.0

    def failed(self) -> None:
        """The last try failed: nobody tries for a while."""
        with self._lock:
            self._pause = min(max(_FIRST_SECONDS, 2 * self._pause), _LONGEST_SECONDS)
            self._until = self._clock() + self._pause
