"""Passages, and the hits that hold them."""

from __future__ import annotations

from skerry.protos.v1 import types_pb2
from skerry.retrieval.base import Evidence, Hit, LegScore
from skerry.retrieval.corpus.records import Passage, Span
from skerry.services.convert.fields import text_range


def passage(value: Passage) -> types_pb2.Passage:
    span = value.span
    return types_pb2.Passage(
        id=value.id,
        page_id=value.page_id,
        title=value.title,
        section=value.section,
        text=value.text,
        span=types_pb2.Span(
            start_paragraph=span.start_paragraph,
            start_character=span.start_character,
            end_paragraph=span.end_paragraph,
            end_character=span.end_character,
        ),
        ordinal=value.ordinal,
        text_bytes=len(value.text.encode()),
    )


def passage_of(message: types_pb2.Passage) -> Passage:
    span = message.span
    return Passage(
        ordinal=message.ordinal,
        id=message.id,
        page_id=message.page_id,
        title=message.title,
        section=message.section,
        text=message.text,
        span=Span(span.start_paragraph, span.start_character, span.end_paragraph, span.end_character),
    )


def hit(value: Hit) -> types_pb2.Hit:
    return types_pb2.Hit(
        passage=passage(value.passage),
        score=value.score,
        legs=[types_pb2.LegScore(leg=leg.leg, rank=leg.rank, score=leg.score) for leg in value.legs],
        evidence=[
            types_pb2.Evidence(
                ngram=item.ngram,
                count=item.count,
                score=item.score,
                ranges=[text_range(value.passage.text, *span) for span in item.spans],
                leg=item.leg,
                in_title=item.in_title,
            )
            for item in value.evidence
        ],
    )


def hit_of(message: types_pb2.Hit) -> Hit:
    return Hit(
        passage=passage_of(message.passage),
        score=message.score,
        legs=tuple(LegScore(leg.leg, leg.rank, leg.score) for leg in message.legs),
        evidence=tuple(
            Evidence(
                item.ngram,
                item.count,
                item.score,
                tuple((run.start_character, run.end_character) for run in item.ranges),
                item.leg,
                item.in_title,
            )
            for item in message.evidence
        ),
    )
