"""The error tree: one base, text with the hint, details that survive."""

from __future__ import annotations

import pytest

from skerry.core import errors


@pytest.mark.parametrize(
    "kind",
    [
        errors.InvalidInput,
        errors.NotFound,
        errors.AlreadyExists,
        errors.IndexNotReady,
        errors.IndexCorrupt,
        errors.DeadlineExceeded,
        errors.Cancelled,
        errors.BackendUnavailable,
    ],
)
def test_text_has_message_and_hint(kind: type[errors.SkerryError]) -> None:
    error = kind("The file a is gone.", hint="Build it again.", details={"file": "a"})
    assert isinstance(error, errors.SkerryError)
    assert str(error) == "The file a is gone. Build it again."
    assert error.message == "The file a is gone."
    assert error.details == {"file": "a"}


def test_details_are_copied() -> None:
    details = {"file": "a"}
    error = errors.NotFound("Gone.", details=details)
    details["file"] = "b"
    assert error.details == {"file": "a"}
    assert str(error) == "Gone."


def test_overload_says_when_to_come_back() -> None:
    error = errors.Overloaded("Too much.", retry_after=2.5)
    assert error.retry_after == 2.5
    assert error.details == {}
