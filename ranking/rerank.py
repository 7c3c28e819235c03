"""Hits in the ranker's order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.ranking.base import Candidate, Ranker, RankRequest
from skerry.retrieval.base import Hit


@dataclass(frozen=True, slots=True)
class RankedHit:
    """A hit with the ranker's score and the calibrated probability that it answers the query."""

    hit: Hit
    score: float
    calibrated: float


def rerank(
    ranker: Ranker, query: str, hits: Sequence[Hit], deadline: Deadline, depth: int
) -> tuple[RankedHit, ...]:
    """The first `depth` hits in the ranker's order, best first; the others behind, in their own order.

    A hit behind has the score minus infinity and the probability 0.

    Raises:
        InvalidInput: a depth below 0, or a text that is no valid Unicode.
        DeadlineExceeded, Cancelled: between the ranker's batches.
    """
    if depth < 0:
        raise InvalidInput(
            f"The ranking depth is {depth}.", hint="Give 0 or more.", details={"field": "depth"}
        )
    behind = tuple(RankedHit(hit, -math.inf, 0.0) for hit in hits[depth:])
    head = hits[:depth]
    if not head:
        return behind
    candidates = tuple(Candidate(hit.passage.title, hit.passage.text, hit.score) for hit in head)
    [scores] = ranker.score([RankRequest(query, candidates)], deadline)
    ranked = [
        RankedHit(hit, float(raw), float(calibrated))
        for hit, raw, calibrated in zip(head, scores.raw, scores.calibrated, strict=True)
    ]
    ranked.sort(key=lambda item: -item.score)
    return (*ranked, *behind)
