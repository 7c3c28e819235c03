"""GenerationService: a question and sources to a stream of events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput, NotFound
from skerry.generation.base import Event, Generator
from skerry.protos.v1 import generation_pb2
from skerry.services.convert.events import EventWriter
from skerry.services.convert.generation import generate_request_of
from skerry.services.parts import Part
from skerry.services.servers.work import Work

SERVICE = "skerry.v1.GenerationService"
_MOST_SOURCES = 1000


class GenerationServicer:
    """See protos/skerry/v1/generation.proto. `model` is the generator's name."""

    def __init__(self, generator: Part[Generator], model: str, work: Work) -> None:
        self._generator = generator
        self._model = model
        self._work = work

    async def Generate(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        if len(request.sources) > _MOST_SOURCES:
            raise InvalidInput(
                f"At most {_MOST_SOURCES} sources are taken, not {len(request.sources)}.",
                details={"field": "sources"},
            )
        ids = [source.id for source in request.sources]
        if len(set(ids)) != len(ids):
            raise InvalidInput(
                "Two sources have the same id: citations could not tell them apart.",
                details={"field": "sources.id"},
            )
        if request.generator and request.generator != self._model:
            raise NotFound(
                f"This server generates with {self._model!r}, not with {request.generator!r}.",
                hint="Leave the field `generator` out, or ask another server.",
                details={"kind": "generator", "name": request.generator},
            )
        wanted = generate_request_of(request)

        def run(deadline: Deadline) -> Iterator[Event]:
            return self._generator.get().generate(wanted, deadline)

        texts = {source.id: source.text for source in request.sources}
        writer = EventWriter(generation_pb2.GenerateResponse, texts)
        async for done in self._work.stream(context, run):
            yield writer.message(done.value, done.total, done.queue)
