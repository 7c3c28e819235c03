"""ServerService: what this server is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skerry import __version__
from skerry.core.deadline import Deadline
from skerry.core.errors import SkerryError
from skerry.protos.v1 import server_pb2
from skerry.services.catalogue import Catalogue
from skerry.services.config import MESSAGE_LIMIT
from skerry.services.convert.fields import timings
from skerry.services.parts import Part
from skerry.services.rankers import ServedRankers
from skerry.services.servers.work import Work

SERVICE = "skerry.v1.ServerService"


class ServerServicer:
    """See protos/skerry/v1/server.proto. `embedder` is the embedding model's name."""

    def __init__(
        self,
        services: Sequence[str],
        catalogue: Catalogue | None,
        rankers: ServedRankers | None,
        generator: Part[Any] | None,
        embedder: tuple[Part[Any], str] | None,
        work: Work,
    ) -> None:
        self._services = services
        self._catalogue = catalogue
        self._rankers = rankers
        self._generator = generator
        self._embedder = embedder
        self._work = work

    async def GetServerInfo(self, request: Any, context: Any) -> Any:  # noqa: N802 -- the contract's name
        done = await self._work.call(context, self._info)
        done.value.timings.CopyFrom(timings({}, done.total, done.queue))
        return done.value

    def _info(self, deadline: Deadline) -> Any:
        rankers, default = ([], "") if self._rankers is None else self._rankers.loaded()
        return server_pb2.GetServerInfoResponse(
            version=__version__,
            message_limit_bytes=MESSAGE_LIMIT,
            services=self._services,
            indexes=self._indexes(),
            ranker=default,
            rankers=rankers,
            generator=_name(self._generator),
            embedder=self._embedder[1] if self._embedder and self._embedder[0].if_there() else "",
            workers=self._work.workers,
            queue=self._work.queue,
        )

    def _indexes(self) -> list[Any]:
        found = []
        for entry in self._catalogue.entries() if self._catalogue is not None else ():
            try:
                with self._catalogue.lease(entry.id) as opened:  # type: ignore[union-attr]
                    corpus = opened.index.manifest.corpus
                    found.append(
                        server_pb2.ServedIndex(
                            corpus=entry.id,
                            version=opened.index.version,
                            legs=opened.index.legs,
                            passages=corpus.passages,
                            pages=corpus.pages,
                        )
                    )
            except SkerryError:
                # Not built yet, or damaged: not served.
                continue
        return found


def _name(part: Part[Any] | None) -> str:
    value = None if part is None else part.if_there()
    return "" if value is None else str(value.name)
