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


def fit_weight(
    scores: Sequence[NDArray[np.float32]],
    priors: Sequence[NDArray[np.float32]],
    relevant: Sequence[NDArray[np.bool_]],
) -> float:
    """The weight w >= 0 of score + w * prior that makes the relevant candidates likeliest.

    Maximum likelihood of softmax(a * score + b * prior), w = b / a; questions without a relevant candidate
    tell nothing. 0 where the ranker's score itself is of no use (a <= 0) or nothing can be learnt.
    """
    import torch

    lists = [
        (torch.from_numpy(s), torch.from_numpy(p), torch.from_numpy(r))
        for s, p, r in zip(scores, priors, relevant, strict=True)
        if r.any()
    ]
    if not lists:
        return 0.0
    weights = torch.tensor([0.5, 1.0], requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        total = torch.zeros(())
        for score, prior, truth in lists:
            logits = weights[0] * score + weights[1] * prior
            total = total + torch.logsumexp(logits, 0) - torch.logsumexp(logits[truth], 0)
        mean = total / len(lists)
        mean.backward()  # type: ignore[no-untyped-call]
        return mean

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    scale, slope = weights.tolist()
    return max(0.0, slope / scale) if scale > 0 else 0.0
