"""The first stage's order as a feature beside the ranker's score, with a weight learnt on held-out questions.

A ranker that reads a passage does not know how many legs found it, and how high: adding that helps most on
text unlike what it was trained on. The feature goes by rank: it does not depend on the scale of the fusion.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skerry.ranking.base import Candidate

_FLATTENING = 60.0
"""As in reciprocal rank fusion: the first ranks differ little."""


def rank_prior(first_stage: ArrayLike) -> NDArray[np.float32]:
    """-log((60 + rank) / 60) with ranks from 0, equal scores sharing one: 0 for the best, falling.

    Args:
        first_stage: scores of one query's candidates, shape (n,). All equal, they give no preference.
    """
    return _of_ranks(_ranks(np.asarray(first_stage, np.float64)))


def candidates_prior(candidates: Sequence[Candidate]) -> NDArray[np.float32]:
    """The same of candidates, shape (n,): a part of a list is given what it would be in the whole of it."""
    return _of_ranks(first_stage_ranks(candidates))


def first_stage_ranks(candidates: Sequence[Candidate]) -> NDArray[np.int64]:
    """The candidates' places in the first stage's list, from 0, equal scores sharing one, shape (n,)."""
    ranks = _ranks(np.array([candidate.first_stage_score for candidate in candidates], np.float64))
    for place, candidate in enumerate(candidates):
        if candidate.first_stage_rank is not None:
            ranks[place] = candidate.first_stage_rank
    return ranks


def _ranks(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    above = np.searchsorted(np.sort(scores), scores, side="right")
    return (len(scores) - above).astype(np.int64)


def _of_ranks(ranks: NDArray[np.int64]) -> NDArray[np.float32]:
    return (-np.log1p(ranks / _FLATTENING)).astype(np.float32)
