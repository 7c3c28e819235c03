"""Retrieval's requests and results."""

from __future__ import annotations

from skerry.protos.v1 import retrieval_pb2, types_pb2
from skerry.retrieval.base import RetrievalRequest, RetrievalResult
from skerry.services.convert.fields import stages_of
from skerry.services.convert.legs import fusion, fusion_of, leg, leg_of
from skerry.services.convert.passages import hit_of


def retrieve_request(value: RetrievalRequest, corpus: str = "") -> retrieval_pb2.RetrieveRequest:
    return retrieval_pb2.RetrieveRequest(
        query=value.query,
        corpus=corpus or None,
        legs=[leg(item) for item in value.legs],
        fusion=fusion(value.fusion),
        filter=types_pb2.Filter(page_ids=sorted(value.page_ids)) if value.page_ids else None,
        limit=value.limit,
    )


def retrieve_request_of(message: retrieval_pb2.RetrieveRequest) -> RetrievalRequest:
    """The domain's request; no legs where the message has none."""
    return RetrievalRequest(
        query=message.query,
        legs=tuple(leg_of(item, f"legs[{i}]") for i, item in enumerate(message.legs)),
        fusion=fusion_of(message),
        limit=message.limit if message.HasField("limit") else 10,
        page_ids=frozenset(message.filter.page_ids),
    )


def retrieval_result_of(message: retrieval_pb2.RetrieveResponse) -> RetrievalResult:
    return RetrievalResult(tuple(hit_of(item) for item in message.hits), stages_of(message.timings))
