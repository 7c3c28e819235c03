"""Requests before they are sent: values that fit their fields, sizes within the limit, streams of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from skerry.core.errors import InvalidInput
from skerry.services.config import MESSAGE_LIMIT


def check_size(request: Any) -> None:
    """Raise `InvalidInput` for a request over the message limit, before anything is sent."""
    size = request.ByteSize()
    if size > MESSAGE_LIMIT:
        raise InvalidInput(
            f"The request has {size:,} bytes; the limit is {MESSAGE_LIMIT:,}.",
            hint="Send less in one call, or stream it.",
            details={"field": "request", "bytes": str(size)},
        )


@contextmanager
def building() -> Iterator[None]:
    """Turn what protobuf says of a value that a field cannot hold into an `InvalidInput`."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            f"A value does not fit its field: {error}.",
            hint="Texts must be valid Unicode, and whole numbers fit into 32 bits.",
            details={"field": "request"},
        ) from error


class RequestStream:
    """The requests of a stream, each checked before it is sent; an iterator.

    gRPC reads them in a thread or task of its own, which swallows their errors: `failure` keeps the one that
    ended the stream, for the caller who reads the responses.
    """

    def __init__(self, requests: Iterable[Any]) -> None:
        self.failure: Exception | None = None
        self._requests = iter(requests)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            request = next(self._requests)
            check_size(request)
        except StopIteration:
            raise
        except Exception as error:
            self.failure = error
            raise
        return request
