"""An answer's references: hits with their ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence

from skerry.generation.answer import References
from skerry.protos.v1 import answer_pb2
from skerry.ranking.rerank import RankedHit
from skerry.services.convert.passages import hit, hit_of
from skerry.services.convert.ranking import explanation, explanation_of, reading, reading_of


def reference(value: RankedHit) -> answer_pb2.Reference:
    return answer_pb2.Reference(
        hit=hit(value.hit),
        rank_score=value.score,
        calibrated=None if math.isnan(value.calibrated) else value.calibrated,
        explanation=None if value.explanation is None else explanation(value.explanation),
    )


def references(value: References) -> answer_pb2.References:
    return answer_pb2.References(
        references=[reference(item) for item in value.hits],
        given=value.given,
        reading=None if value.reading is None else reading(value.reading),
    )


def references_of(message: answer_pb2.References) -> References:
    return References(
        ranked_hits_of(message.references),
        message.given,
        reading_of(message.reading) if message.HasField("reading") else None,
    )


def ranked_hits_of(messages: Sequence[answer_pb2.Reference]) -> tuple[RankedHit, ...]:
    return tuple(
        RankedHit(
            hit_of(item.hit),
            item.rank_score,
            item.calibrated if item.HasField("calibrated") else math.nan,
            explanation_of(item.explanation) if item.HasField("explanation") else None,
        )
        for item in messages
    )
