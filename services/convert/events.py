"""The events of a stream, of the generator's or of the whole chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skerry.generation.answer import References
from skerry.generation.base import Citation, Delta, Event, Started
from skerry.protos.v1 import generation_pb2
from skerry.services.convert.generation import (
    citation,
    citation_of,
    completed,
    completed_of,
    started,
    started_of,
)
from skerry.services.convert.references import references, references_of


class EventWriter:
    """Domain events to messages; remembers the texts in which citations stand.

    Args:
        kind: `GenerateResponse` or `StreamAnswerResponse`.
        sources: source id -> text, where they are known before the stream.
    """

    def __init__(self, kind: type[Any], sources: Mapping[str, str] | None = None) -> None:
        self._kind = kind
        self._sources = dict(sources or {})
        self._answer = ""

    def message(self, event: References | Event, elapsed: float, queue: float) -> Any:
        """The message of one event; `elapsed` and `queue` in seconds."""
        if isinstance(event, References):
            self._sources = {item.hit.passage.id: item.hit.passage.text for item in event.hits}
            return self._kind(references=references(event))
        if isinstance(event, Started):
            return self._kind(started=started(event))
        if isinstance(event, Delta):
            self._answer += event.text
            return self._kind(delta=generation_pb2.Delta(text=event.text))
        if isinstance(event, Citation):
            return self._kind(citation=citation(event, self._answer, self._sources))
        return self._kind(completed=completed(event, elapsed, queue, self._sources))


def event_of(message: Any) -> References | Event:
    """The domain event of a `GenerateResponse` or `StreamAnswerResponse`."""
    kind = message.WhichOneof("event")
    if kind == "references":
        return references_of(message.references)
    if kind == "started":
        return started_of(message.started)
    if kind == "delta":
        return Delta(message.delta.text)
    if kind == "citation":
        return citation_of(message.citation)
    return completed_of(message.completed)
