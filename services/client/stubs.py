"""The stubs of every service on one channel."""

from __future__ import annotations

from typing import Any

from google.longrunning import operations_pb2_grpc
from grpc_health.v1 import health_pb2_grpc

from skerry.protos.v1 import (
    answer_pb2_grpc,
    corpus_pb2_grpc,
    embedding_pb2_grpc,
    generation_pb2_grpc,
    ranking_pb2_grpc,
    retrieval_pb2_grpc,
    server_pb2_grpc,
)

_STUBS = {
    "AnswerService": answer_pb2_grpc.AnswerServiceStub,
    "CorpusService": corpus_pb2_grpc.CorpusServiceStub,
    "EmbeddingService": embedding_pb2_grpc.EmbeddingServiceStub,
    "GenerationService": generation_pb2_grpc.GenerationServiceStub,
    "Health": health_pb2_grpc.HealthStub,
    "Operations": operations_pb2_grpc.OperationsStub,
    "RankingService": ranking_pb2_grpc.RankingServiceStub,
    "RetrievalService": retrieval_pb2_grpc.RetrievalServiceStub,
    "ServerService": server_pb2_grpc.ServerServiceStub,
}


def stubs(channel: Any) -> dict[str, Any]:
    """By a service's short name; for synchronous and asynchronous channels."""
    return {name: stub(channel) for name, stub in _STUBS.items()}
