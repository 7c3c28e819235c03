"""Everything together by folds: the scores of every leg and of every ranker, weighed or put to trees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from skerry.core.progress import Progress
from skerry.evaluation.rank.pools import Pool
from skerry.retrieval.fusion.learned.base import Judged, LearnedFusion
from skerry.retrieval.fusion.learned.convex import learn_convex
from skerry.retrieval.fusion.learned.lambdamart import learn_lambdamart

Scores = Mapping[str, Sequence[NDArray[np.float32]]]
"""By ranker, its scores of each pool's first candidates."""
Learn = Callable[[Sequence[Judged]], LearnedFusion]


def learners(names: Sequence[str], judged: bool, seed: int) -> dict[str, Learn]:
    """The ways of combining the lists `names`, by what they are called in a table."""
    return {
        "convex": lambda some: learn_convex(some, names, "nDCG@10" if judged else "reciprocal rank"),
        "lambdamart": lambda some: learn_lambdamart(some, names, seed),
    }


def lists_of(pools: Sequence[Pool], rankers: Scores) -> list[Judged]:
    """Every pool's candidates as a list a leg and a list a ranker."""
    found = []
    for row, pool in enumerate(pools):
        lists = {leg: pool.list_of(scores) for leg, scores in pool.legs.items()}
        for name, scores in rankers.items():
            padded = np.full(len(pool.ordinals), np.nan, np.float32)
            padded[: len(scores[row])] = scores[row]
            lists[name] = pool.list_of(padded)
        gains = pool.question.gains
        found.append(Judged(lists, frozenset(gains), pool.question.group, gains))
    return found


def orders_by_fold(
    pools: Sequence[Pool], judged: Sequence[Judged], folds: Sequence[int], learn: Learn, progress: Progress
) -> list[NDArray[np.int64]]:
    """Places of each pool in the order that was learnt from the other folds; the rest stays behind.

    Raises:
        InvalidInput: a fold whose others have nothing to learn from.
    """
    orders: list[NDArray[np.int64]] = [np.empty(0, np.int64)] * len(pools)
    with progress.task("combining", len(set(folds)), "folds") as task:
        for fold in sorted(set(folds)):
            learned = learn([one for one, its in zip(judged, folds, strict=True) if its != fold])
            for row in np.flatnonzero(np.array(folds) == fold).tolist():
                place_of = {int(o): place for place, o in enumerate(pools[row].ordinals)}
                fused = learned(judged[row].lists).ordinals
                head = np.array([place_of[int(ordinal)] for ordinal in fused], np.int64)
                orders[row] = np.concatenate([head, np.arange(len(head), len(pools[row].ordinals))])
            task.advance()
    return orders
