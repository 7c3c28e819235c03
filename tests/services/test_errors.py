"""The table of errors: every class out and back, small enough for trailers, nothing of a fault told."""

from __future__ import annotations

import inspect

import grpc
import pytest
from google.rpc import error_details_pb2
from hypothesis import given
from hypothesis import strategies as st

from skerry.core import errors
from skerry.core.errors import InvalidInput, Overloaded, SkerryError
from skerry.services.errors import TABLE, code_of, from_rpc, from_status, internal_error, to_status, trailers

CODES = {
    "InvalidInput": "INVALID_ARGUMENT",
    "NotFound": "NOT_FOUND",
    "AlreadyExists": "ALREADY_EXISTS",
    "IndexNotReady": "FAILED_PRECONDITION",
    "IndexCorrupt": "DATA_LOSS",
    "Overloaded": "RESOURCE_EXHAUSTED",
    "DeadlineExceeded": "DEADLINE_EXCEEDED",
    "Cancelled": "CANCELLED",
    "BackendUnavailable": "UNAVAILABLE",
}


def test_table_has_every_class() -> None:
    classes = {
        name
        for name, value in inspect.getmembers(errors, inspect.isclass)
        if issubclass(value, SkerryError) and value is not SkerryError
    }
    assert {row.error.__name__: row.code.name for row in TABLE} == {name: CODES[name] for name in classes}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.reason)
def test_there_and_back(row: object) -> None:
    kind = row.error  # type: ignore[attr-defined]
    error = kind("What was wrong.", hint="What to do.")
    error.details["file"] = "a/b"
    status = to_status(error, "request-1")
    assert code_of(status) is row.code  # type: ignore[attr-defined]
    back = from_rpc(code_of(status), status.message, trailers(status), "here")
    assert type(back) is kind
    assert (back.message, back.hint) == ("What was wrong.", "What to do.")
    assert back.details == {"file": "a/b"}


def test_retry_time_travels() -> None:
    back = from_status(to_status(Overloaded("Too much.", retry_after=2.5)))
    assert isinstance(back, Overloaded)
    assert back.retry_after == pytest.approx(2.5)


def test_field_becomes_a_bad_request() -> None:
    status = to_status(InvalidInput("Too long.", details={"field": "query"}))
    found = error_details_pb2.BadRequest()
    assert any(detail.Unpack(found) for detail in status.details)
    assert found.field_violations[0].field == "query"


@given(
    message=st.text(max_size=20_000),
    hint=st.text(max_size=5000),
    details=st.dictionaries(st.text(max_size=300), st.text(max_size=2000), max_size=30),
)
def test_always_fits_into_trailers(message: str, hint: str, details: dict[str, str]) -> None:
    status = to_status(InvalidInput(message, hint=hint, details=details), "r" * 64)
    # Base64 for the details, percent signs for the message's bytes.
    size = sum(len(value) * 4 // 3 for _, value in trailers(status)) + 3 * len(status.message.encode())
    assert size < 16 * 1024
    assert isinstance(from_status(status), InvalidInput)


def test_faults_tell_nothing_but_an_id() -> None:
    status = to_status(internal_error())
    assert code_of(status) is grpc.StatusCode.INTERNAL
    assert from_status(status).details["id"] in status.message


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_codes_without_details(code: grpc.StatusCode) -> None:
    error = from_rpc(code, "", (), "127.0.0.1:1")
    assert isinstance(error, SkerryError)
    assert "127.0.0.1:1" in str(error)
    broken = from_rpc(code, "text", (("grpc-status-details-bin", b"\xff\xff"),), "127.0.0.1:1")
    assert type(broken) is type(error)
