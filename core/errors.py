"""The project's one error tree. Every error says what was wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping


class SkerryError(Exception):
    """Base of every error that Skerry raises on purpose.

    Args:
        message: what was wrong and where.
        hint: what the reader can do about it; appended to the text.
        details: machine-readable facts (file, field, model id, ...); services send them as `ErrorInfo`.
    """

    def __init__(self, message: str, *, hint: str = "", details: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint
        self.details: dict[str, str] = dict(details or {})


class InvalidInput(SkerryError):
    """The caller's input cannot be used: a field, a flag, a line of a file."""


class NotFound(SkerryError):
    """A named thing (corpus, leg, model, passage) does not exist."""


class AlreadyExists(SkerryError):
    """A thing of that name exists already."""


class IndexNotReady(SkerryError):
    """The index, or the leg of it that is asked for, has not been built (yet)."""


class IndexCorrupt(SkerryError):
    """A file on disk is damaged, missing or of another version or model than the manifest says."""


class Overloaded(SkerryError):
    """More work than can be queued; `retry_after` says when to try again, in seconds."""

    def __init__(self, message: str, *, retry_after: float = 1.0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class DeadlineExceeded(SkerryError):
    """The caller's deadline passed before the work was done."""


class Cancelled(SkerryError):
    """The caller went away; the work was stopped."""


class BackendUnavailable(SkerryError):
    """Something needed (another server, the JVM, Redis, the disk, an optional package) cannot be used."""
