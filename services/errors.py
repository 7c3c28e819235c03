"""The one table between Skerry's errors and gRPC's: codes and details out, classes in."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from skerry.core.errors import (
    AlreadyExists,
    BackendUnavailable,
    Cancelled,
    DeadlineExceeded,
    IndexCorrupt,
    IndexNotReady,
    InvalidInput,
    NotFound,
    Overloaded,
    SkerryError,
)

DOMAIN = "skerry"
DETAILS_KEY = "grpc-status-details-bin"
REQUEST_ID_KEY = "x-request-id"
INTERNAL = "INTERNAL"

# Everything travels in HTTP/2 trailers, of which many clients take 8 KiB at most.
_MESSAGE_BYTES = 1024
_HINT_BYTES = 512
_VALUE_BYTES = 200
_MOST_VALUES = 10


@dataclass(frozen=True, slots=True)
class Row:
    """One error class as clients see it."""

    error: type[SkerryError]
    code: grpc.StatusCode
    reason: str


TABLE: tuple[Row, ...] = (
    Row(InvalidInput, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_INPUT"),
    Row(NotFound, grpc.StatusCode.NOT_FOUND, "NOT_FOUND"),
    Row(AlreadyExists, grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS"),
    Row(IndexNotReady, grpc.StatusCode.FAILED_PRECONDITION, "INDEX_NOT_READY"),
    Row(IndexCorrupt, grpc.StatusCode.DATA_LOSS, "INDEX_CORRUPT"),
    Row(Overloaded, grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
    Row(DeadlineExceeded, grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
    Row(Cancelled, grpc.StatusCode.CANCELLED, "CANCELLED"),
    Row(BackendUnavailable, grpc.StatusCode.UNAVAILABLE, "BACKEND_UNAVAILABLE"),
)
_BY_REASON = {row.reason: row for row in TABLE}
_BY_CODE = {row.code: row for row in TABLE}
_CODE_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}


def to_status(error: SkerryError, request_id: str = "") -> status_pb2.Status:
    """The google.rpc.Status of one of our errors, small enough for trailers.

    Details: `ErrorInfo` (reason, the error's facts and hint), `RetryInfo` for `Overloaded`, `BadRequest` for
    an `InvalidInput` that names its field, `RequestInfo` when there is a request id.
    """
    row = next((row for row in TABLE if isinstance(error, row.error)), None)
    code = grpc.StatusCode.INTERNAL if row is None else row.code
    message = _cut(error.message, _MESSAGE_BYTES)
    hint = _cut(error.hint, _HINT_BYTES)
    info = error_details_pb2.ErrorInfo(reason=INTERNAL if row is None else row.reason, domain=DOMAIN)
    for key, value in list(error.details.items())[:_MOST_VALUES]:
        info.metadata[_cut(key, 64)] = _cut(str(value), _VALUE_BYTES)
    if hint:
        info.metadata["hint"] = hint
    details = [info]
    if isinstance(error, Overloaded):
        details.append(error_details_pb2.RetryInfo(retry_delay=_duration(error.retry_after)))
    if isinstance(error, InvalidInput) and "field" in error.details:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=_cut(error.details["field"], 64), description=_cut(error.message, _VALUE_BYTES)
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if request_id:
        details.append(error_details_pb2.RequestInfo(request_id=request_id))
    return status_pb2.Status(
        code=code.value[0], message=f"{message} {hint}".strip(), details=[_packed(d) for d in details]
    )


def internal_error() -> SkerryError:
    """What a caller is told of a fault of ours: an id to look for in the server's log, and nothing else."""
    identity = uuid.uuid4().hex[:12]
    return SkerryError(
        f"Internal error {identity}.",
        hint="The server's log has the details under this id.",
        details={"id": identity},
    )


def code_of(status: status_pb2.Status) -> grpc.StatusCode:
    """The gRPC code of a status."""
    return _CODE_BY_NUMBER.get(status.code, grpc.StatusCode.UNKNOWN)


def trailers(status: status_pb2.Status) -> tuple[tuple[str, bytes], ...]:
    """Trailing metadata that carries a status with its details."""
    return ((DETAILS_KEY, status.SerializeToString()),)


def from_status(status: status_pb2.Status) -> SkerryError:
    """The error that `to_status` was given, as far as a status keeps it."""
    info, retry_after = error_details_pb2.ErrorInfo(), 1.0
    for detail in status.details:
        retry = error_details_pb2.RetryInfo()
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(retry.DESCRIPTOR):
            detail.Unpack(retry)
            retry_after = retry.retry_delay.ToTimedelta().total_seconds()
    facts = dict(info.metadata)
    hint = facts.pop("hint", "")
    message = status.message.removesuffix(hint).rstrip() if hint else status.message
    row = _BY_REASON.get(info.reason) if info.domain == DOMAIN else _BY_CODE.get(code_of(status))
    if row is None:
        return SkerryError(message, hint=hint, details=facts)
    if row.error is Overloaded:
        overloaded = Overloaded(message, retry_after=retry_after, hint=hint)
        overloaded.details.update(facts)
        return overloaded
    return row.error(message, hint=hint, details=facts)


def from_rpc(
    code: grpc.StatusCode, text: str, metadata: Iterable[tuple[str, str | bytes]], target: str
) -> SkerryError:
    """The error behind a failed call to `target`, from the server's details or from what gRPC itself says."""
    for key, value in metadata:
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return from_status(status_pb2.Status.FromString(value))
            except DecodeError:
                break
    text = text or code.name
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(
            f"The deadline passed while waiting for {target}.", hint="Allow more time, or ask for less."
        )
    if code is grpc.StatusCode.UNAVAILABLE:
        return BackendUnavailable(
            f"The server at {target} cannot be reached: {text}.",
            hint="Check that it runs and that the address is right.",
            details={"target": target},
        )
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return BackendUnavailable(
            f"The server at {target} does not offer this call.",
            hint="Ask a server that runs the service (`skerry serve all`).",
            details={"target": target},
        )
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in text:
        return InvalidInput(
            f"A message is too large: {text}.", hint="Send it in several calls, or stream it."
        )
    row = _BY_CODE.get(code)
    return SkerryError(f"{target}: {text}") if row is None else row.error(f"{target}: {text}")


def from_call(error: Any, target: str) -> SkerryError:
    """The error behind what a call to `target` raised, an `RpcError` that has the call's outcome."""
    return from_rpc(error.code(), error.details() or "", error.trailing_metadata() or (), target)


def _packed(message: object) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def _duration(seconds: float) -> duration_pb2.Duration:
    whole = int(seconds)
    return duration_pb2.Duration(seconds=whole, nanos=int((seconds - whole) * 1e9))


def _cut(text: str, size: int) -> str:
    """At most `size` bytes of UTF-8, whole characters, with an ellipsis where something is missing."""
    data = text.encode("utf-8", "replace")
    if len(data) <= size:
        return data.decode("utf-8")
    return data[: size - 3].decode("utf-8", "ignore") + "…"
