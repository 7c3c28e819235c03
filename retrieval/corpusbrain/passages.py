"""From pages to passages: the title says where, what other legs say of the passages says which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.base import Candidates


@dataclass(frozen=True, slots=True)
class RankedPassages:
    """Passages, best first.

    Attributes:
        ordinals: int64 of shape (n,).
        scores: falling, float64 of shape (n,).
        pages: which of the pages given each belongs to, int64 of shape (n,).
    """

    ordinals: NDArray[np.int64]
    scores: NDArray[np.float64]
    pages: NDArray[np.int64]


def rank_passages(
    page_scores: NDArray[np.float64],
    passages: Sequence[NDArray[np.int64]],
    said: Sequence[Candidates],
    weight: float,
) -> RankedPassages:
    """All passages of some pages in one order.

    A passage's score is its page's, and `weight` times the logarithm of the passage's share among all of
    them: a softmax of the mean of what the legs say, each leg's scores brought to mean 0 and deviation 1.
    Equal scores are ordered by that share, then by ordinal; where no leg says anything, a page's passages
    stand in the page's order.

    Args:
        page_scores: a page each, float64 of shape (p,).
        passages: ordinals of each page's passages.
        said: what other legs said of these passages; one that a leg did not name has the leg's lowest score,
            or 0 if that is lower.
        weight: 0 or more.
    """
    sizes = [len(ordinals) for ordinals in passages]
    ordinals = np.concatenate([np.empty(0, np.int64), *passages])
    pages = np.repeat(np.arange(len(sizes)), sizes)
    shares = _shares(ordinals, said)
    scores = page_scores[pages] + weight * shares
    order = np.lexsort((ordinals, -shares, -scores))
    return RankedPassages(ordinals[order], scores[order], pages[order])


def _shares(ordinals: NDArray[np.int64], said: Sequence[Candidates]) -> NDArray[np.float64]:
    """Log-softmax over the passages, float64 of shape (n,); 0 of all where there is nothing to go by."""
    if not said or not len(ordinals):
        return np.zeros(len(ordinals))
    mean = np.mean([_standardised(ordinals, found) for found in said], axis=0)
    highest = mean.max()
    shares: NDArray[np.float64] = mean - highest - np.log(np.exp(mean - highest).sum())
    return shares


def _standardised(ordinals: NDArray[np.int64], found: Candidates) -> NDArray[np.float64]:
    """A leg's scores of the passages, with mean 0 and deviation 1, or all 0 where they are equal."""
    scores = np.full(len(ordinals), min(0.0, float(found.scores.min(initial=0.0))))
    order = np.argsort(ordinals)
    scores[order[np.searchsorted(ordinals[order], found.ordinals)]] = found.scores
    deviation = scores.std()
    if deviation == 0:
        return np.zeros(len(ordinals))
    standardised: NDArray[np.float64] = (scores - scores.mean()) / deviation
    return standardised
