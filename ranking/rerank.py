"""Hits in the ranker's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from skerry.core.deadline import Deadline
from skerry.ranking.base import Candidate, RankRequest
from skerry.ranking.plan import RankPlan
from skerry.ranking.ranked import Explanation, RankingChain, Reading
from skerry.retrieval.base import Hit


@dataclass(frozen=True, slots=True)
class RankedHit:
    """A hit with the ranker's score, the calibrated probability that it answers the query, and what moved it,
    where that was asked for.
    """

    hit: Hit
    score: float
    calibrated: float
    explanation: Explanation | None = None


def rerank(
    rankers: RankingChain, query: str, hits: Sequence[Hit], plan: RankPlan, deadline: Deadline
) -> tuple[tuple[RankedHit, ...], Reading]:
    """All hits, those that were read in the ranker's order first, and how far it read.

    A hit that the ranker did not read has the score minus infinity. Raises as `RankingChain.rank` does.
    """
    candidates = tuple(Candidate(hit.passage.title, hit.passage.text, hit.score) for hit in hits)
    [ranked] = rankers.rank([RankRequest(query, candidates)], plan, deadline)
    reranked = tuple(
        RankedHit(
            hits[place],
            float(ranked.raw[place]),
            float(ranked.calibrated[place]),
            ranked.explanations[place] if ranked.explanations else None,
        )
        for place in ranked.order
    )
    return reranked, ranked.reading
