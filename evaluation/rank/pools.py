"""What the first stage finds for each question: the candidates that every ranker then puts in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.progress import Progress
from skerry.evaluation.rank.kept import Kept
from skerry.evaluation.rank.questions import RankQuestion
from skerry.retrieval.base import LegRequest, RetrievalChain, RetrievalRequest
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.fusion import LegList

_BATCH = 32
_NAME = "first-stage"


@dataclass(frozen=True, slots=True)
class Pool:
    """A question with the passages that the first stage found, best first.

    Attributes:
        ordinals: int64 (n,); the first `depth` of them are the candidates.
        legs: the legs' own scores of them, float32 (n,), not a number where a leg did not find one.
        gains: int64 (n,), 0 for passages that are not relevant.
    """

    question: RankQuestion
    depth: int
    ordinals: NDArray[np.int64]
    legs: Mapping[str, NDArray[np.float32]]
    gains: NDArray[np.int64]

    @property
    def candidates(self) -> NDArray[np.int64]:
        """Ordinals of those that are ranked, int64 of shape (up to depth,)."""
        return self.ordinals[: self.depth]

    @property
    def relevant(self) -> NDArray[np.bool_]:
        """Which candidates are."""
        return self.gains[: self.depth] > 0

    def leg_order(self, leg: str) -> NDArray[np.int64]:
        """Places of what one leg found, in its own order."""
        scores = self.legs[leg]
        order = np.lexsort((self.ordinals, -scores))
        return order[~np.isnan(scores[order])]

    def list_of(self, scores: NDArray[np.float32]) -> LegList:
        """The candidates that have a score (not NaN) as a list, best first; shape of `scores`: (n,)."""
        places = np.flatnonzero(~np.isnan(scores[: self.depth]))
        order = places[np.lexsort((self.ordinals[places], -scores[places]))]
        return LegList(self.ordinals[order], scores[order])


def first_stage(
    questions: Sequence[RankQuestion],
    chain: RetrievalChain,
    legs: Sequence[LegRequest],
    fusion: str,
    depth: int,
    kept: Kept,
    progress: Progress,
) -> list[Pool]:
    """What the legs find, fused, for every question; from `kept` where it was found before."""
    names = [leg.name for leg in legs]
    found = kept.load(_NAME)
    if found is None:
        rows: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = []
        with progress.task("first stage", len(questions), "questions") as task:
            for start in range(0, len(questions), _BATCH):
                part = questions[start : start + _BATCH]
                limit = sum(leg.limit for leg in legs)
                requests = [RetrievalRequest(q.query, tuple(legs), fusion, limit) for q in part]
                for result in chain.retrieve(requests, Deadline()):
                    scores = np.full((len(names), len(result.hits)), np.nan, np.float32)
                    for place, hit in enumerate(result.hits):
                        for leg in hit.legs:
                            scores[names.index(leg.leg), place] = leg.score
                    rows.append((np.array([h.passage.ordinal for h in result.hits], np.int64), scores))
                task.advance(len(part))
        found = {
            "sizes": np.array([len(ordinals) for ordinals, _ in rows], np.int64),
            "ordinals": np.concatenate([ordinals for ordinals, _ in rows]),
            "legs": np.concatenate([scores for _, scores in rows], axis=1),
        }
        kept.save(_NAME, found)
    pools, start = [], 0
    for question, size in zip(questions, found["sizes"], strict=True):
        ordinals = found["ordinals"][start : start + size]
        scores = found["legs"][:, start : start + size]
        gains = np.array([question.gains.get(int(ordinal), 0) for ordinal in ordinals], np.int64)
        pools.append(Pool(question, depth, ordinals, dict(zip(names, scores, strict=True)), gains))
        start += size
    return pools


def page_ids(pools: Sequence[Pool], passages: PassageStore) -> list[tuple[str, ...]]:
    """The page of each passage of each pool, for those whose pages were judged; empty for others."""
    return [
        tuple(passage.page_id for passage in passages.get_many(pool.ordinals))
        if pool.question.judgements
        else ()
        for pool in pools
    ]
