"""What the two clients share: every call as a request message and a reader of its response."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np
from google.longrunning import operations_pb2
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.generation.answer import AnswerRequest
from skerry.generation.base import GenerationRequest
from skerry.protos.v1 import (
    answer_pb2,
    corpus_pb2,
    embedding_pb2,
    ranking_pb2,
    retrieval_pb2,
    server_pb2,
)
from skerry.ranking.base import RankRequest
from skerry.ranking.plan import RankPlan
from skerry.ranking.ranked import Ranked
from skerry.retrieval.base import Option, RetrievalRequest, RetrievalResult
from skerry.retrieval.corpus.records import Page
from skerry.services.client.requests import building
from skerry.services.client.results import (
    Answer,
    CorpusInfo,
    IndexVersionInfo,
    IngestOutcome,
    OperationInfo,
    ServedIndexInfo,
    ServerInfo,
)
from skerry.services.convert.answer import answer_options
from skerry.services.convert.corpora import document
from skerry.services.convert.embedding import vectors_of
from skerry.services.convert.events import event_of
from skerry.services.convert.fields import duration
from skerry.services.convert.generation import (
    cache_reuse_of,
    citation_of,
    completed_of,
    generate_request,
)
from skerry.services.convert.ranking import rank_request, ranked_of, reading_of
from skerry.services.convert.references import ranked_hits_of
from skerry.services.convert.retrieval import retrieval_result_of, retrieve_request
from skerry.services.errors import from_status

R = TypeVar("R")

STEP = 10.0
"""Seconds of one wait for an operation: a lost connection is noticed that soon."""
_INGEST_BATCH = 200


@dataclass(frozen=True, slots=True)
class Call(Generic[R]):
    """A method (by service and name), its request, or several as an iterator, and how a response is read."""

    service: str
    method: str
    request: Any
    read: Callable[[Any], R]


def server_info() -> Call[ServerInfo]:
    def read(message: Any) -> ServerInfo:
        return ServerInfo(
            version=message.version,
            message_limit=message.message_limit_bytes,
            services=tuple(message.services),
            indexes=tuple(
                ServedIndexInfo(item.corpus, item.version, tuple(item.legs), item.passages, item.pages)
                for item in message.indexes
            ),
            ranker=message.ranker,
            generator=message.generator,
            embedder=message.embedder,
            workers=message.workers,
            queue=message.queue,
            rankers=tuple(message.rankers),
        )

    return Call("ServerService", "GetServerInfo", server_pb2.GetServerInfoRequest(), read)


def healthy(service: str) -> Call[bool]:
    serving = health_pb2.HealthCheckResponse.SERVING
    request = health_pb2.HealthCheckRequest(service=service)
    return Call("Health", "Check", request, lambda m: bool(m.status == serving))


def retrieve(request: RetrievalRequest, corpus: str) -> Call[RetrievalResult]:
    with building():
        message = retrieve_request(request, corpus)
    return Call("RetrievalService", "Retrieve", message, retrieval_result_of)


def batch_retrieve(requests: Sequence[RetrievalRequest], corpus: str) -> Call[list[RetrievalResult]]:
    with building():
        messages = [retrieve_request(request, corpus) for request in requests]
        batch = retrieval_pb2.BatchRetrieveRequest(requests=messages)

    def read(message: Any) -> list[RetrievalResult]:
        return [retrieval_result_of(item) for item in message.responses]

    return Call("RetrievalService", "BatchRetrieve", batch, read)


def rank(requests: Sequence[RankRequest], plan: RankPlan) -> Call[list[Ranked]]:
    with building():
        batch = ranking_pb2.BatchRankRequest(requests=[rank_request(item, plan) for item in requests])
    return Call("RankingService", "BatchRank", batch, lambda m: [ranked_of(item) for item in m.responses])


def rank_passages(query: str, passages: Mapping[str, float], plan: RankPlan, corpus: str) -> Call[Ranked]:
    with building():
        message = rank_request(RankRequest(query, ()), plan)
        message.corpus = corpus
        for name, score in passages.items():
            message.candidates.add(id=name, passage_id=name, first_stage_score=score)
    return Call("RankingService", "Rank", message, ranked_of)


def embed(texts: Sequence[str], dimensions: int | None, layers: int | None) -> Call[NDArray[np.float32]]:
    with building():
        options = embedding_pb2.EmbedOptions(dimensions=dimensions, layers=layers)
        message = embedding_pb2.EmbedRequest(texts=texts, options=options)
    return Call("EmbeddingService", "Embed", message, lambda m: vectors_of(m.vectors))


def embed_stream(
    batches: Iterable[Sequence[str]], dimensions: int | None, layers: int | None
) -> Call[NDArray[np.float32]]:
    with building():
        options = embedding_pb2.EmbedOptions(dimensions=dimensions, layers=layers)

    def requests() -> Iterator[Any]:
        for texts in batches:
            with building():
                request = embedding_pb2.EmbedStreamRequest(texts=texts, options=options)
            yield request

    return Call("EmbeddingService", "EmbedStream", requests(), lambda m: vectors_of(m.vectors))


def generate(request: GenerationRequest) -> Call[Any]:
    with building():
        message = generate_request(request)
    return Call("GenerationService", "Generate", message, event_of)


def answer(request: AnswerRequest, corpus: str) -> Call[Answer]:
    with building():
        message = answer_pb2.AnswerRequest(question=request.question, options=answer_options(request, corpus))

    def read(message: Any) -> Answer:
        return Answer(
            hits=ranked_hits_of(message.references),
            citations=tuple(citation_of(item) for item in message.citations),
            completed=completed_of(message),
            reading=reading_of(message.reading) if message.HasField("reading") else None,
            reuse=tuple(cache_reuse_of(item) for item in message.reuse),
            no_reuse=message.no_reuse,
        )

    return Call("AnswerService", "Answer", message, read)


def stream_answer(request: AnswerRequest, corpus: str) -> Call[Any]:
    with building():
        message = answer_pb2.StreamAnswerRequest(
            question=request.question, options=answer_options(request, corpus)
        )
    return Call("AnswerService", "StreamAnswer", message, event_of)


def create_corpus(corpus: str, description: str, request_id: str) -> Call[CorpusInfo]:
    with building():
        message = corpus_pb2.CreateCorpusRequest(
            corpus=corpus, description=description, request_id=_id(request_id)
        )
    return Call("CorpusService", "CreateCorpus", message, lambda m: _corpus(m.corpus))


def get_corpus(corpus: str) -> Call[CorpusInfo]:
    with building():
        message = corpus_pb2.GetCorpusRequest(corpus=corpus)
    return Call("CorpusService", "GetCorpus", message, lambda m: _corpus(m.corpus))


def list_corpora(token: str) -> Call[tuple[list[CorpusInfo], str]]:
    message = corpus_pb2.ListCorporaRequest(page_token=token)

    def read(message: Any) -> tuple[list[CorpusInfo], str]:
        return [_corpus(item) for item in message.corpora], message.next_page_token

    return Call("CorpusService", "ListCorpora", message, read)


def delete_corpus(corpus: str, request_id: str) -> Call[None]:
    with building():
        message = corpus_pb2.DeleteCorpusRequest(corpus=corpus, request_id=_id(request_id))
    return Call("CorpusService", "DeleteCorpus", message, lambda _: None)


def ingest(corpus: str, pages: Iterable[Page], replace: bool) -> Call[list[IngestOutcome]]:
    def requests() -> Iterator[Any]:
        source = iter(pages)
        while batch := list(islice(source, _INGEST_BATCH)):
            with building():
                request = corpus_pb2.IngestDocumentsRequest(
                    corpus=corpus, documents=[document(page) for page in batch], replace_existing=replace
                )
            yield request

    return Call("CorpusService", "IngestDocuments", requests(), ingest_outcomes)


def ingest_outcomes(message: Any) -> list[IngestOutcome]:
    """The results of one response of an ingestion stream."""
    names = corpus_pb2.IngestResult.Outcome
    return [
        IngestOutcome(
            item.id,
            names.Name(item.outcome).removeprefix("OUTCOME_").lower(),
            from_status(item.error) if item.HasField("error") else None,
        )
        for item in message.results
    ]


def delete_documents(corpus: str, ids: Sequence[str], request_id: str) -> Call[tuple[int, list[str]]]:
    with building():
        message = corpus_pb2.DeleteDocumentsRequest(corpus=corpus, ids=ids, request_id=_id(request_id))
    return Call("CorpusService", "DeleteDocuments", message, lambda m: (m.deleted, list(m.missing)))


def import_documents(
    corpus: str, path: str, form: str, skip_bad: bool, replace: bool, request_id: str
) -> Call[OperationInfo]:
    name: Any = f"CORPUS_FORMAT_{form.upper()}"
    with building():
        message = corpus_pb2.ImportDocumentsRequest(
            corpus=corpus,
            path=path,
            format=name,
            skip_bad=skip_bad,
            replace_existing=replace,
            request_id=_id(request_id),
        )
    return Call("CorpusService", "ImportDocuments", message, operation_info)


def build_index(
    corpus: str,
    legs: Mapping[str, Mapping[str, Option]],
    passage_words: int | None,
    workers: int | None,
    request_id: str,
) -> Call[OperationInfo]:
    with building():
        message = corpus_pb2.BuildIndexRequest(
            corpus=corpus,
            legs=[corpus_pb2.IndexLeg(**{name: dict(parameters)}) for name, parameters in legs.items()],
            passage_words=passage_words,
            workers=workers,
            request_id=_id(request_id),
        )
    return Call("CorpusService", "BuildIndex", message, operation_info)


def list_index_versions(corpus: str) -> Call[list[IndexVersionInfo]]:
    with building():
        message = corpus_pb2.ListIndexVersionsRequest(corpus=corpus)
    return Call("CorpusService", "ListIndexVersions", message, lambda m: [_version(v) for v in m.versions])


def activate_index_version(corpus: str, version: str, request_id: str) -> Call[IndexVersionInfo]:
    with building():
        message = corpus_pb2.ActivateIndexVersionRequest(
            corpus=corpus, version=version, request_id=_id(request_id)
        )
    return Call("CorpusService", "ActivateIndexVersion", message, lambda m: _version(m.version))


def get_operation(name: str) -> Call[OperationInfo]:
    with building():
        message = operations_pb2.GetOperationRequest(name=name)
    return Call("Operations", "GetOperation", message, operation_info)


def cancel_operation(name: str) -> Call[None]:
    with building():
        message = operations_pb2.CancelOperationRequest(name=name)
    return Call("Operations", "CancelOperation", message, lambda _: None)


def wait_operation(name: str, seconds: float) -> Call[OperationInfo]:
    with building():
        message = operations_pb2.WaitOperationRequest(name=name, timeout=duration(seconds))
    return Call("Operations", "WaitOperation", message, operation_info)


def operation_info(message: Any) -> OperationInfo:
    """An operation with its metadata and result."""
    facts, built, imported = (
        corpus_pb2.OperationMetadata(),
        corpus_pb2.BuildIndexResult(),
        corpus_pb2.ImportDocumentsResult(),
    )
    counts: tuple[tuple[str, int], ...] = ()
    try:
        message.metadata.Unpack(facts)
        if message.response.Is(built.DESCRIPTOR):
            message.response.Unpack(built)
        if message.response.Is(imported.DESCRIPTOR):
            message.response.Unpack(imported)
            names = ("created", "replaced", "unchanged", "skipped", "failed")
            counts = tuple((name, getattr(imported, name)) for name in names)
    except DecodeError as error:
        raise InvalidInput(f"The operation {message.name} cannot be read: {error}.") from error
    return OperationInfo(
        name=message.name,
        kind=facts.kind,
        corpus=facts.corpus,
        stage=facts.stage,
        finished=facts.done,
        total=facts.total,
        failed=facts.failed,
        skipped=facts.skipped,
        rate=facts.rate,
        done=message.done,
        error=from_status(message.error) if message.HasField("error") else None,
        index_version=built.index_version,
        counts=counts,
    )


def _id(given: str) -> str:
    """The caller's request id, or one that no other call has."""
    return given or uuid.uuid4().hex


def _corpus(message: Any) -> CorpusInfo:
    return CorpusInfo(
        id=message.id,
        description=message.description,
        documents=message.documents,
        index_version=message.index_version,
        legs=tuple(message.legs),
        pages=message.pages,
        passages=message.passages,
        read_only=message.read_only,
    )


def _version(message: Any) -> IndexVersionInfo:
    return IndexVersionInfo(
        version=message.version,
        legs=tuple(message.legs),
        pages=message.pages,
        passages=message.passages,
        result_hash=message.result_hash,
        active=message.active,
    )
