"""A server process: its parts assembled, started warm, watched, and ended without dropping a call."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.longrunning import operations_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection

from skerry.core.errors import BackendUnavailable, InvalidInput
from skerry.core.files import write_atomically
from skerry.core.models.store import ModelStore
from skerry.generation.base import Generator
from skerry.generation.cache.passage_kv import PassageKVStore
from skerry.generation.cache.store.open import StoreOptions
from skerry.protos.v1 import (
    answer_pb2_grpc,
    corpus_pb2_grpc,
    embedding_pb2_grpc,
    generation_pb2_grpc,
    ranking_pb2_grpc,
    retrieval_pb2_grpc,
    server_pb2_grpc,
)
from skerry.services.catalogue import Catalogue
from skerry.services.client.channel import channel_options
from skerry.services.config import MESSAGE_LIMIT, Settings
from skerry.services.jobs import Jobs
from skerry.services.observability.logs import log
from skerry.services.operations import OperationStore
from skerry.services.parts import Part
from skerry.services.rankers import ServedRankers, named_rankers
from skerry.services.remote import Remote, RemoteGenerator, RemoteRankers, RemoteRetrieval
from skerry.services.replays import Replays
from skerry.services.servers import (
    answer,
    corpus,
    embedding,
    generation,
    operations,
    ranking,
    retrieval,
    server,
)
from skerry.services.servers.interceptor import CallInterceptor
from skerry.services.servers.work import Work

ROLES = ("corpus", "embedding", "retrieval", "ranking", "generation", "answer")
_REFRESH = 1.0
_POLL = 0.02


@dataclass(slots=True)
class _Assembled:
    """What a process is made of."""

    names: list[str] = field(default_factory=list)
    works: list[Work] = field(default_factory=list)
    warmers: list[Callable[[], None]] = field(default_factory=list)
    closers: list[Callable[[], None]] = field(default_factory=list)
    catalogue: Catalogue | None = None


class Host:
    """Runs some or all services in this process.

    Args:
        settings: everything that can be set.
        roles: names in `ROLES`.

    Raises:
        InvalidInput: a role that needs an index or a data folder, and neither is given.
        BackendUnavailable: the address or the data folder is in use.
    """

    def __init__(self, settings: Settings, roles: Sequence[str] = ROLES) -> None:
        self._settings = settings
        self._roles = tuple(roles)
        self.address = ""

    async def serve(self, ready: Callable[[str], None] = lambda _: None) -> None:
        """Serve until SIGTERM or SIGINT; then finish what is in flight, within the grace, and return.

        Args:
            ready: told the address once every model is loaded and calls are answered.
        """
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        interceptor = CallInterceptor(MESSAGE_LIMIT)
        grpc_server = grpc.aio.server(
            interceptors=[interceptor],
            # Without this, a second server on the port would quietly take half of the calls.
            options=[*channel_options(), ("grpc.so_reuseport", 0)],
        )
        port = self._bind(grpc_server)
        made = _Assembled()
        try:
            self._assemble(grpc_server, made)
            health = health_aio.HealthServicer()
            health_pb2_grpc.add_HealthServicer_to_server(health, grpc_server)
            for name in ("", *made.names):
                await health.set(name, health_pb2.HealthCheckResponse.NOT_SERVING)
            reflection.enable_server_reflection(
                (*made.names, "grpc.health.v1.Health", reflection.SERVICE_NAME), grpc_server
            )
            await loop.run_in_executor(None, _run_all, made.warmers)
            await grpc_server.start()
            for name in ("", *made.names):
                await health.set(name, health_pb2.HealthCheckResponse.SERVING)
            host = self._settings.server.listen.rpartition(":")[0]
            self.address = f"{host}:{port}"
            self._tell(ready)
            refresher = asyncio.create_task(_refresh(made.catalogue))
            await stop.wait()
            refresher.cancel()
            await health.enter_graceful_shutdown()
            await self._drain(grpc_server, interceptor, made)
        finally:
            await grpc_server.stop(None)
            for work in made.works:
                work.close()
            await loop.run_in_executor(None, _run_all, list(reversed(made.closers)))

    def _bind(self, grpc_server: Any) -> int:
        listen = self._settings.server.listen
        host, _, port = listen.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise InvalidInput(
                f"{listen!r} is not an address.",
                hint="Give HOST:PORT; port 0 takes a free one.",
                details={"field": "server.listen"},
            )
        try:
            bound = grpc_server.add_insecure_port(listen)
        except RuntimeError as error:
            raise BackendUnavailable(
                f"The address {listen} cannot be listened on: it is in use, or not one of this machine's.",
                hint="Stop what uses it, or choose another with --listen.",
                details={"address": listen},
            ) from error
        return int(bound)

    def _tell(self, ready: Callable[[str], None]) -> None:
        log(logging.INFO, "serving", address=self.address, roles=",".join(self._roles))
        if self._settings.server.ready_file:
            write_atomically(Path(self._settings.server.ready_file), f"{self.address}\n".encode())
        ready(self.address)

    async def _drain(self, grpc_server: Any, interceptor: CallInterceptor, made: _Assembled) -> None:
        """Refuse new calls, let those in flight end, and stop what has not ended within the grace."""
        interceptor.draining = True
        grace = self._settings.server.grace
        log(logging.INFO, "draining", in_flight=interceptor.in_flight, grace=grace)
        until = time.monotonic() + grace
        while interceptor.in_flight and time.monotonic() < until:
            await asyncio.sleep(_POLL)
        if interceptor.in_flight:
            log(logging.WARNING, "grace is over", cut_off=interceptor.in_flight)
        for work in made.works:
            work.cancel_all()
        # Answers that have just been given leave before the connections close.
        await grpc_server.stop(0.2)

    def _assemble(self, grpc_server: Any, made: _Assembled) -> None:
        settings, roles = self._settings, self._roles
        models = ModelStore(Path(settings.models.folder) if settings.models.folder else None)
        elsewhere = bool(settings.retrieval.address)
        given = bool(settings.corpus.index or settings.corpus.data)
        if (
            {"corpus", "retrieval"} & set(roles)
            or ("answer" in roles and not elsewhere)
            or ("ranking" in roles and given)
        ):
            made.catalogue = self._catalogue(models, made)
        rankers = self._rankers(models, made) if {"ranking", "answer"} & set(roles) else None
        generator = self._generator(models, made) if {"generation", "answer"} & set(roles) else None
        encoder: Part[Any] | None = None

        if "corpus" in roles:
            assert made.catalogue is not None
            self._add_corpus(grpc_server, made, made.catalogue, models)
        if "embedding" in roles:
            encoder = self._encoder(models, made)
            work = self._work(made, embedding.SERVICE)
            embedding_pb2_grpc.add_EmbeddingServiceServicer_to_server(
                embedding.EmbeddingServicer(encoder, settings.embedding.model, work), grpc_server
            )
        if "retrieval" in roles:
            assert made.catalogue is not None
            work = self._work(made, retrieval.SERVICE)
            retrieval_pb2_grpc.add_RetrievalServiceServicer_to_server(
                retrieval.RetrievalServicer(made.catalogue, work), grpc_server
            )
        if "ranking" in roles:
            assert rankers is not None
            work = self._work(made, ranking.SERVICE)
            ranking_pb2_grpc.add_RankingServiceServicer_to_server(
                ranking.RankingServicer(rankers, made.catalogue, work), grpc_server
            )
        if "generation" in roles:
            assert generator is not None
            work = self._work(made, generation.SERVICE)
            generation_pb2_grpc.add_GenerationServiceServicer_to_server(
                generation.GenerationServicer(generator, settings.generation.model, work), grpc_server
            )
        if "answer" in roles:
            assert rankers is not None
            assert generator is not None
            work = self._work(made, answer.SERVICE)
            answer_pb2_grpc.add_AnswerServiceServicer_to_server(
                answer.AnswerServicer(self._chains(made), rankers.chain, generator, settings.answer, work),
                grpc_server,
            )
        work = self._work(made, server.SERVICE)
        server_pb2_grpc.add_ServerServiceServicer_to_server(
            server.ServerServicer(
                made.names,
                made.catalogue,
                rankers,
                generator,
                None if encoder is None else (encoder, settings.embedding.model),
                work,
            ),
            grpc_server,
        )

    def _work(self, made: _Assembled, service: str) -> Work:
        settings = self._settings.server
        work = Work(service.rpartition(".")[2], settings.workers, settings.queue)
        made.names.append(service)
        made.works.append(work)
        return work

    def _catalogue(self, models: ModelStore, made: _Assembled) -> Catalogue:
        settings = self._settings.corpus
        if not settings.index and not settings.data:
            raise InvalidInput(
                f"There is nothing to serve {', '.join(self._roles)} from.",
                hint="Give --index DIR, --data DIR, or for answers retrieval.address.",
                details={"field": "corpus.index"},
            )
        catalogue = Catalogue(
            Path(settings.index) if settings.index else None,
            Path(settings.data) if settings.data else None,
            models,
        )
        made.closers.append(catalogue.close)
        made.warmers.append(lambda: _warm(catalogue))
        return catalogue

    def _add_corpus(
        self, grpc_server: Any, made: _Assembled, catalogue: Catalogue, models: ModelStore
    ) -> None:
        data = catalogue.data
        store = OperationStore(None if data is None else data / "operations")
        replays = Replays(None if data is None else data / "requests.jsonl")
        made.closers += [replays.close, store.close]
        corpus_pb2_grpc.add_CorpusServiceServicer_to_server(
            corpus.CorpusServicer(
                catalogue,
                store,
                replays,
                Jobs(catalogue, store, self._settings.corpus, models),
                self._work(made, corpus.SERVICE),
            ),
            grpc_server,
        )
        operations_pb2_grpc.add_OperationsServicer_to_server(
            operations.OperationsServicer(store), grpc_server
        )
        made.names.append(operations.SERVICE)

    def _rankers(self, models: ModelStore, made: _Assembled) -> ServedRankers:
        settings = self._settings.ranking
        if settings.address:
            remote = Remote(settings.address)
            made.closers.append(remote.close)
            return RemoteRankers(remote)
        rankers = named_rankers(settings.ranker, models)
        made.warmers.append(rankers.warm)
        return rankers

    def _generator(self, models: ModelStore, made: _Assembled) -> Part[Generator]:
        settings = self._settings.generation
        if settings.address:
            remote = Remote(settings.address)
            made.closers.append(remote.close)
            return Part("generator", lambda: RemoteGenerator(remote))
        # A wrong password or folder ends the start. A store in memory alone cannot be wrong and waits for the
        # model, as torch does.
        cache = settings.cache
        opened = _opened(cache, made) if cache.redis_url or cache.disk_folder else None

        def load() -> Generator:
            model = models.resolve(settings.model)
            from skerry.generation.engine import TransformersGenerator

            store = opened or _opened(cache, made)
            generator = TransformersGenerator(
                model, settings.dtype, settings.threads or None, store, settings.context()
            )
            generator.load()
            return generator

        part: Part[Generator] = Part("generator", load)
        made.warmers.append(part.warm)
        return part

    def _encoder(self, models: ModelStore, made: _Assembled) -> Part[Any]:
        settings = self._settings.embedding

        def load() -> Any:
            model = models.resolve(settings.model)
            from skerry.core.dtype import resolve_dtype
            from skerry.retrieval.embedding.adapter import chosen_adapter
            from skerry.retrieval.embedding.loading import load_encoder

            return load_encoder(model, chosen_adapter(settings.adapter, model), resolve_dtype(settings.dtype))

        part: Part[Any] = Part("embedding model", load)
        made.warmers.append(part.warm)
        return part

    def _chains(self, made: _Assembled) -> answer.Chains:
        address = self._settings.retrieval.address
        if address:
            remote = Remote(address)
            made.closers.append(remote.close)

            @contextmanager
            def there(name: str) -> Iterator[answer.Chain]:
                yield answer.Chain(RemoteRetrieval(remote, name), ())

            return there
        catalogue = made.catalogue
        assert catalogue is not None

        @contextmanager
        def here(name: str) -> Iterator[answer.Chain]:
            with catalogue.lease(name) as opened:
                yield answer.Chain(opened.pipeline, opened.index.legs, opened.quotes())

        return here


def _warm(catalogue: Catalogue) -> None:
    """Open every index. One that was given must open; a corpus that cannot be opened leaves the others."""
    from skerry.core.errors import IndexNotReady, SkerryError

    for entry in catalogue.entries():
        try:
            catalogue.warm(entry)
        except IndexNotReady:
            if entry.read_only:
                raise
        except SkerryError as error:
            if entry.read_only:
                raise
            log(logging.ERROR, "corpus cannot be served", corpus=entry.id, error=str(error))


def _opened(options: StoreOptions, made: _Assembled) -> PassageKVStore | None:
    from skerry.generation.cache.store.open import open_store

    store = open_store(options)
    if store is not None:
        made.closers.append(store.close)
    return store


def _run_all(functions: Sequence[Callable[[], None]]) -> None:
    for function in functions:
        function()


async def _refresh(catalogue: Catalogue | None) -> None:
    """Follow versions that another process publishes."""
    loop = asyncio.get_running_loop()
    while catalogue is not None:
        await asyncio.sleep(_REFRESH)
        await loop.run_in_executor(None, catalogue.refresh_all)
