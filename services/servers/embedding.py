"""EmbeddingService: texts to vectors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput, NotFound
from skerry.protos.v1 import embedding_pb2
from skerry.services.convert.embedding import vectors
from skerry.services.convert.fields import timings
from skerry.services.parts import Part
from skerry.services.servers.work import Work

if TYPE_CHECKING:
    from skerry.retrieval.embedding.encoder import SentenceEncoder

SERVICE = "skerry.v1.EmbeddingService"
_MOST_TEXTS = 1024
_MOST_TEXT_BYTES = 1024 * 1024


class EmbeddingServicer:
    """See protos/skerry/v1/embedding.proto. `model` is the model's name."""

    def __init__(self, encoder: Part[SentenceEncoder], model: str, work: Work) -> None:
        self._encoder = encoder
        self._model = model
        self._work = work

    async def Embed(self, request: Any, context: Any) -> Any:  # noqa: N802 -- the contract's name
        return await self._embed(request, request.options, context, embedding_pb2.EmbedResponse)

    async def EmbedStream(self, requests: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        options = embedding_pb2.EmbedOptions()
        async for request in requests:
            options.MergeFrom(request.options)
            yield await self._embed(request, options, context, embedding_pb2.EmbedStreamResponse)

    async def _embed(self, request: Any, options: Any, context: Any, response: Any) -> Any:
        done = await self._work.call(context, lambda deadline: self._vectors(request, options, deadline))
        return response(
            vectors=vectors(done.value, options.type),
            model=self._model,
            timings=timings({}, done.total, done.queue),
        )

    def _vectors(self, request: Any, options: Any, deadline: Deadline) -> NDArray[np.float32]:
        if not 1 <= len(request.texts) <= _MOST_TEXTS:
            raise InvalidInput(
                f"A batch has 1 to {_MOST_TEXTS} texts, not {len(request.texts)}.", details={"field": "texts"}
            )
        for number, text in enumerate(request.texts):
            if len(text) > _MOST_TEXT_BYTES:
                raise InvalidInput(
                    f"Text {number} has more than {_MOST_TEXT_BYTES:,} characters.",
                    hint="Cut it into passages.",
                    details={"field": f"texts[{number}]"},
                )
        if options.type not in embedding_pb2.VectorType.values():
            raise InvalidInput(
                f"There is no vector type of number {options.type}.", details={"field": "options.type"}
            )
        if options.model and options.model != self._model:
            raise NotFound(
                f"This server embeds with {self._model!r}, not with {options.model!r}.",
                hint="Leave the option `model` out, or ask another server.",
                details={"kind": "model", "name": options.model},
            )
        encoder = self._encoder.get()
        layers = options.layers if options.HasField("layers") else None
        dimensions = options.dimensions if options.HasField("dimensions") else None
        encoder.check(layers, dimensions, "options.")
        return encoder.encode(list(request.texts), deadline, layers, dimensions)
