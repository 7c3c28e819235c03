"""CorpusService: corpora, their documents, and their index versions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from skerry.core.deadline import Deadline
from skerry.core.errors import IndexNotReady, InvalidInput, SkerryError
from skerry.protos.v1 import corpus_pb2
from skerry.retrieval.index.manifest import Manifest
from skerry.retrieval.index.versions import activate_version, current_version, list_versions
from skerry.services.catalogue import Catalogue, CorpusEntry
from skerry.services.convert.corpora import page_of
from skerry.services.convert.fields import timings
from skerry.services.documents import Outcome
from skerry.services.errors import to_status
from skerry.services.jobs import Jobs
from skerry.services.operations import OperationStore
from skerry.services.replays import Replays
from skerry.services.servers.paging import page
from skerry.services.servers.work import Work

SERVICE = "skerry.v1.CorpusService"
_MOST_DOCUMENTS = 1000
_MOST_DELETED = 10_000
_OUTCOMES = {
    Outcome.CREATED: corpus_pb2.IngestResult.OUTCOME_CREATED,
    Outcome.REPLACED: corpus_pb2.IngestResult.OUTCOME_REPLACED,
    Outcome.UNCHANGED: corpus_pb2.IngestResult.OUTCOME_UNCHANGED,
}


class CorpusServicer:
    """See protos/skerry/v1/corpus.proto."""

    def __init__(
        self,
        catalogue: Catalogue,
        operations: OperationStore,
        replays: Replays,
        jobs: Jobs,
        work: Work,
    ) -> None:
        self._catalogue = catalogue
        self._operations = operations
        self._replays = replays
        self._jobs = jobs
        self._work = work

    async def CreateCorpus(self, request: Any, context: Any) -> Any:  # noqa: N802
        def run(_: Deadline) -> Any:
            entry = self._catalogue.create(request.corpus, request.description)
            return corpus_pb2.CreateCorpusResponse(corpus=_corpus(entry))

        return await self._once("CreateCorpus", request, context, run)

    async def GetCorpus(self, request: Any, context: Any) -> Any:  # noqa: N802
        def run(_: Deadline) -> Any:
            return corpus_pb2.GetCorpusResponse(corpus=_corpus(self._catalogue.entry(request.corpus)))

        return await self._timed(context, run)

    async def ListCorpora(self, request: Any, context: Any) -> Any:  # noqa: N802
        def run(_: Deadline) -> Any:
            names = [entry.id for entry in self._catalogue.entries()]
            size = request.page_size if request.HasField("page_size") else None
            chosen, token = page(names, size, request.page_token)
            return corpus_pb2.ListCorporaResponse(
                corpora=[_corpus(self._catalogue.entry(name)) for name in chosen], next_page_token=token
            )

        return await self._timed(context, run)

    async def DeleteCorpus(self, request: Any, context: Any) -> Any:  # noqa: N802
        def run(_: Deadline) -> Any:
            self._catalogue.delete(request.corpus)
            return corpus_pb2.DeleteCorpusResponse()

        return await self._once("DeleteCorpus", request, context, run)

    async def ImportDocuments(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._start("ImportDocuments", request, context, self._jobs.importing)

    async def BuildIndex(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._start("BuildIndex", request, context, self._jobs.building)

    async def IngestDocuments(self, requests: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        corpus, replace = "", False
        async for request in requests:
            corpus = request.corpus or corpus
            if request.HasField("replace_existing"):
                replace = request.replace_existing
            yield await self._ingest(corpus, request, replace, context)

    async def DeleteDocuments(self, request: Any, context: Any) -> Any:  # noqa: N802
        if len(request.ids) > _MOST_DELETED:
            raise InvalidInput(
                f"At most {_MOST_DELETED} ids are taken, not {len(request.ids)}.", details={"field": "ids"}
            )

        def run(_: Deadline) -> Any:
            documents = self._catalogue.entry(request.corpus).documents()
            deleted, missing = documents.delete(request.ids)
            return corpus_pb2.DeleteDocumentsResponse(deleted=deleted, missing=missing)

        return await self._once("DeleteDocuments", request, context, run)

    async def ListIndexVersions(self, request: Any, context: Any) -> Any:  # noqa: N802
        def run(_: Deadline) -> Any:
            entry = self._catalogue.entry(request.corpus)
            try:
                versions = list_versions(entry.index)
            except IndexNotReady:
                versions = []
            return corpus_pb2.ListIndexVersionsResponse(
                versions=[_version(item.name, item.manifest, item.current) for item in reversed(versions)]
            )

        return await self._timed(context, run)

    async def ActivateIndexVersion(self, request: Any, context: Any) -> Any:  # noqa: N802
        def run(_: Deadline) -> Any:
            entry = self._catalogue.entry(request.corpus)
            before = current_version(entry.index)
            manifest = activate_version(entry.index, request.version)
            self._catalogue.refresh(entry)
            return corpus_pb2.ActivateIndexVersionResponse(
                version=_version(manifest.version, manifest, True), previous_version=before
            )

        return await self._once("ActivateIndexVersion", request, context, run)

    async def _timed(self, context: Any, run: Callable[[Deadline], Any]) -> Any:
        done = await self._work.call(context, run)
        done.value.timings.CopyFrom(timings({}, done.total, done.queue))
        return done.value

    async def _once(self, method: str, request: Any, context: Any, run: Callable[[Deadline], Any]) -> Any:
        return await self._timed(
            context, lambda deadline: self._replays.once(method, request, lambda: run(deadline))
        )

    async def _start(self, method: str, request: Any, context: Any, job: Callable[[Any], Any]) -> Any:
        """Begin an operation, or find the one that this request id began."""
        done = await self._work.call(
            context, lambda _: self._replays.once(method, request, lambda: job(request))
        )
        return self._operations.get(done.value.name)

    async def _ingest(self, corpus: str, request: Any, replace: bool, context: Any) -> Any:
        if not corpus:
            raise InvalidInput(
                "The first request of a stream must name the corpus.", details={"field": "corpus"}
            )
        if len(request.documents) > _MOST_DOCUMENTS:
            raise InvalidInput(
                f"A request has at most {_MOST_DOCUMENTS} documents, not {len(request.documents)}.",
                hint="Send more requests on the stream.",
                details={"field": "documents"},
            )

        def run(_: Deadline) -> Any:
            pages = [page_of(item) for item in request.documents]
            results = self._catalogue.entry(corpus).documents().put(pages, replace)
            return corpus_pb2.IngestDocumentsResponse(
                results=[
                    _result(item.id, result) for item, result in zip(request.documents, results, strict=True)
                ],
                request_id=request.request_id,
            )

        return await self._once(f"IngestDocuments {corpus}", request, context, run)


def _result(identity: str, result: Outcome | SkerryError) -> Any:
    if isinstance(result, Outcome):
        return corpus_pb2.IngestResult(id=identity, outcome=_OUTCOMES[result])
    return corpus_pb2.IngestResult(
        id=identity, outcome=corpus_pb2.IngestResult.OUTCOME_FAILED, error=to_status(result)
    )


def _corpus(entry: CorpusEntry) -> Any:
    about = entry.about
    message = corpus_pb2.Corpus(
        id=about.id,
        description=about.description,
        create_time=_stamp(about.created),
        documents=0 if entry.read_only else len(entry.documents()),
        read_only=entry.read_only,
    )
    try:
        active = next((item for item in list_versions(entry.index) if item.current), None)
    except IndexNotReady:
        active = None
    if active is not None:
        message.index_version = active.name
        if active.manifest is not None:
            message.legs.extend(sorted(active.manifest.legs))
            message.pages = active.manifest.corpus.pages
            message.passages = active.manifest.corpus.passages
    return message


def _version(name: str, manifest: Manifest | None, active: bool) -> Any:
    if manifest is None:
        return corpus_pb2.IndexVersion(version=name, active=active)
    return corpus_pb2.IndexVersion(
        version=name,
        create_time=_stamp(manifest.created),
        legs=sorted(manifest.legs),
        pages=manifest.corpus.pages,
        passages=manifest.corpus.passages,
        result_hash=manifest.result_hash,
        active=active,
    )


def _stamp(text: str) -> Timestamp | None:
    if not text:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(datetime.fromisoformat(text))
    return stamp
