"""The models of a server, loaded at the start; what is missing says what to do when it is asked for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from skerry.core.errors import BackendUnavailable, NotFound, SkerryError
from skerry.services.observability.logs import log

T = TypeVar("T")


class Part(Generic[T]):
    """A ranker, a generator or an encoder that may be missing.

    Args:
        kind: what it is, for messages.
        load: makes it; its `SkerryError` is kept and told to every caller.
    """

    def __init__(self, kind: str, load: Callable[[], T]) -> None:
        self.kind = kind
        self._load = load
        self._lock = threading.Lock()
        self._value: T | None = None
        self._error: SkerryError | None = None

    def warm(self) -> None:
        """Load it now; a failure is logged."""
        try:
            self.get()
        except SkerryError as error:
            log(logging.WARNING, f"no {self.kind}", error=str(error))

    def get(self) -> T:
        """The part. Raises `BackendUnavailable` with what to do when its model is missing, else its error."""
        with self._lock:
            if self._value is None and self._error is None:
                try:
                    self._value = self._load()
                except SkerryError as error:
                    self._error = error
            if self._error is not None:
                raise _told(self.kind, self._error)
            assert self._value is not None
            return self._value

    def if_there(self) -> T | None:
        """The part, or None when its model is missing."""
        try:
            return self.get()
        except SkerryError:
            return None


def _told(kind: str, error: SkerryError) -> SkerryError:
    if isinstance(error, NotFound):
        return BackendUnavailable(
            f"This server has no {kind}: {error.message}",
            hint=f"{error.hint} Then start the server again." if error.hint else "",
            details=error.details,
        )
    return error
