"""What passes between a servicer and the wire, on a real server in this process."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest

from skerry.core.errors import InvalidInput, NotFound
from skerry.protos.v1 import generation_pb2, generation_pb2_grpc, server_pb2, server_pb2_grpc
from skerry.services.errors import from_rpc
from skerry.services.observability.logs import LOGGER, JsonFormatter
from skerry.services.servers.interceptor import CallInterceptor

LIMIT = 4096


class Servicer:
    """Does what the request id in the metadata says."""

    async def GetServerInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        what = dict(context.invocation_metadata())["x-request-id"]
        if what == "fault":
            secret = "the password"
            raise ZeroDivisionError(secret)
        if what == "ours":
            raise NotFound("There is none.", hint="Make one.", details={"kind": "thing"})
        return server_pb2.GetServerInfoResponse(version="x" * (LIMIT * 2 if what == "large" else 1))

    async def Generate(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        yield generation_pb2.GenerateResponse(delta=generation_pb2.Delta(text="one"))
        raise ZeroDivisionError("after the first")


async def with_server(use: Callable[[str, CallInterceptor], Awaitable[None]]) -> None:
    interceptor = CallInterceptor(LIMIT)
    server = grpc.aio.server(interceptors=[interceptor])
    server_pb2_grpc.add_ServerServiceServicer_to_server(Servicer(), server)
    generation_pb2_grpc.add_GenerationServiceServicer_to_server(Servicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        await use(f"127.0.0.1:{port}", interceptor)
    finally:
        await server.stop(None)


@pytest.fixture
def lines() -> Any:
    """The log's lines, parsed."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger(LOGGER)
    before = (logger.level, logger.propagate, list(logger.handlers))
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.handlers[:] = before[2]
    logger.setLevel(before[0])


async def info(address: str, what: str) -> Any:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = server_pb2_grpc.ServerServiceStub(channel)
        try:
            return await stub.GetServerInfo(
                server_pb2.GetServerInfoRequest(), metadata=(("x-request-id", what),)
            )
        except grpc.aio.AioRpcError as error:
            return error


def test_fault_is_an_id_here_and_a_traceback_in_the_log(lines: Any) -> None:
    async def use(address: str, _: CallInterceptor) -> None:
        error = await info(address, "fault")
        assert error.code() is grpc.StatusCode.INTERNAL
        known = from_rpc(error.code(), error.details(), error.trailing_metadata(), address)
        said = f"{error.details()} {known.details}"
        assert "password" not in said
        assert "Traceback" not in said
        [fault] = [line for line in lines() if line["event"] == "fault"]
        assert fault["id"] == known.details["id"]
        assert "the password" in fault["traceback"]

    asyncio.run(with_server(use))


def test_ours_is_whole_and_carries_the_request_id(lines: Any) -> None:
    async def use(address: str, _: CallInterceptor) -> None:
        error = await info(address, "ours")
        assert error.code() is grpc.StatusCode.NOT_FOUND
        assert dict(error.trailing_metadata())["x-request-id"] == "ours"
        known = from_rpc(error.code(), error.details(), error.trailing_metadata(), address)
        assert (known.message, known.hint, known.details) == (
            "There is none.",
            "Make one.",
            {"kind": "thing"},
        )
        [call] = [line for line in lines() if line["event"] == "call"]
        assert (call["code"], call["error"]) == ("NOT_FOUND", "There is none.")

    asyncio.run(with_server(use))


def test_response_over_the_limit() -> None:
    async def use(address: str, _: CallInterceptor) -> None:
        error = await info(address, "large")
        known = from_rpc(error.code(), error.details(), error.trailing_metadata(), address)
        assert isinstance(known, InvalidInput)
        assert (await info(address, "small")).version == "x"

    asyncio.run(with_server(use))


def test_fault_in_a_stream(lines: Any) -> None:
    async def use(address: str, interceptor: CallInterceptor) -> None:
        async with grpc.aio.insecure_channel(address) as channel:
            stub = generation_pb2_grpc.GenerationServiceStub(channel)
            stream = stub.Generate(generation_pb2.GenerateRequest())
            assert (await stream.read()).delta.text == "one"
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stream.read()
            assert caught.value.code() is grpc.StatusCode.INTERNAL
        assert interceptor.in_flight == 0
        assert any(line["event"] == "fault" for line in lines())

    asyncio.run(with_server(use))


def test_draining_refuses() -> None:
    async def use(address: str, interceptor: CallInterceptor) -> None:
        interceptor.draining = True
        assert (await info(address, "small")).code() is grpc.StatusCode.UNAVAILABLE

    asyncio.run(with_server(use))
