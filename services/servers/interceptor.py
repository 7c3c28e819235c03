"""What every call passes through: reading the request, errors to statuses, one log line, the drain."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from skerry.core.errors import BackendUnavailable, Cancelled, InvalidInput, SkerryError
from skerry.services.errors import REQUEST_ID_KEY, code_of, internal_error, to_status, trailers
from skerry.services.observability.logs import log

_REQUEST_ID = re.compile(r"[\w.:/+-]{1,64}")


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """A request that is not what its method takes."""

    error: InvalidInput


class CallInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Wraps every method of every service.

    A `SkerryError` becomes its status with details; anything else is logged under an id, which is all that
    the caller learns. A response over the message limit is an error that says so. While draining, new calls
    of our own services are refused as UNAVAILABLE.

    Attributes:
        in_flight: calls of our own services that have begun and not ended.
        draining: set to refuse new ones.
    """

    def __init__(self, message_limit: int) -> None:
        self.in_flight = 0
        self.draining = False
        self._limit = message_limit

    async def intercept_service(self, continuation: Any, call_details: Any) -> Any:
        handler = await continuation(call_details)
        if handler is None:
            return None
        method = call_details.method
        own = method.startswith(("/skerry.", "/google.longrunning."))
        sent = dict(call_details.invocation_metadata or ()).get(REQUEST_ID_KEY, "")
        request_id = sent if isinstance(sent, str) and _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex[:16]
        wrap = _Wrapped(self, handler, method, own, request_id)
        behaviour: Any = wrap.responses if handler.response_streaming else wrap.response
        if handler.request_streaming and handler.response_streaming:
            make = grpc.stream_stream_rpc_method_handler
        elif handler.request_streaming:
            make = grpc.stream_unary_rpc_method_handler
        elif handler.response_streaming:
            make = grpc.unary_stream_rpc_method_handler
        else:
            make = grpc.unary_unary_rpc_method_handler
        return make(
            behaviour,
            request_deserializer=_tolerant(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )

    def check_size(self, response: Any) -> None:
        """Raise `InvalidInput` for a response that may not be sent."""
        size = response.ByteSize()
        if size > self._limit:
            raise InvalidInput(
                f"The response would have {size:,} bytes; the limit is {self._limit:,}.",
                hint="Ask for less in one call: a lower limit, or pages.",
                details={"field": "limit", "bytes": str(size)},
            )


@dataclass(frozen=True, slots=True)
class _Wrapped:
    """One call's behaviour inside its wrapping."""

    interceptor: CallInterceptor
    handler: Any
    method: str
    own: bool
    request_id: str

    async def response(self, request: Any, context: Any) -> Any:
        inner = self.handler.stream_unary if self.handler.request_streaming else self.handler.unary_unary
        async with self._around(context):
            response = await inner(self._readable(request), context)
            if self.own:
                self.interceptor.check_size(response)
            return response

    async def responses(self, request: Any, context: Any) -> AsyncIterator[Any]:
        inner = self.handler.stream_stream if self.handler.request_streaming else self.handler.unary_stream
        async with self._around(context):
            produced = inner(self._readable(request), context)
            if not hasattr(produced, "__aiter__"):
                # Health and reflection write to the context themselves.
                await produced
                return
            async for response in produced:
                if self.own:
                    self.interceptor.check_size(response)
                yield response

    def _readable(self, request: Any) -> Any:
        if self.handler.request_streaming:
            return _readable_items(request)
        if isinstance(request, _Unreadable):
            raise request.error
        return request

    @asynccontextmanager
    async def _around(self, context: Any) -> AsyncIterator[None]:
        start = time.perf_counter()
        code = grpc.StatusCode.OK
        facts: dict[str, Any] = {}
        if self.own:
            self.interceptor.in_flight += 1
        try:
            if self.own and self.interceptor.draining:
                raise BackendUnavailable("The server is shutting down.", hint="Ask another server.")
            context.set_trailing_metadata(((REQUEST_ID_KEY, self.request_id),))
            yield
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        except (SkerryError, Exception) as error:
            if isinstance(error, grpc.aio.AbortError):
                code = context.code() or grpc.StatusCode.UNKNOWN
                raise
            known = error if isinstance(error, SkerryError) else internal_error()
            status = to_status(known, self.request_id)
            code = code_of(status)
            facts["error"] = known.message
            if known is not error or code is grpc.StatusCode.INTERNAL:
                log(logging.ERROR, "fault", exc_info=error, id=known.details.get("id"), method=self.method)
            if isinstance(known, Cancelled):
                facts.pop("error")
            await context.abort(code, status.message, (*trailers(status), (REQUEST_ID_KEY, self.request_id)))
        finally:
            if self.own:
                self.interceptor.in_flight -= 1
                log(
                    logging.INFO,
                    "call",
                    method=self.method,
                    code=code.name,
                    seconds=round(time.perf_counter() - start, 4),
                    request_id=self.request_id,
                    **facts,
                )


async def _readable_items(requests: Any) -> AsyncIterator[Any]:
    async for request in requests:
        if isinstance(request, _Unreadable):
            raise request.error
        yield request


def _tolerant(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """A deserializer that hands on what cannot be read, so that the caller gets a status that says so."""

    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError as error:
            return _Unreadable(
                InvalidInput(
                    f"The request cannot be read: {error}.",
                    hint="Texts must be valid UTF-8, and the message the one that the method takes.",
                    details={"field": "request"},
                )
            )

    return read
