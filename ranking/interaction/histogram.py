"""Histograms of similarities, one a query word (Guo et al. 2016), for all documents in one pass."""

from __future__ import annotations

from torch import Tensor


def histogram(similarity: Tensor, exact: Tensor, mask: Tensor, bins: int, *, sums: bool = False) -> Tensor:
    """How often, or with `sums` how much, a query word meets similarities of each range.

    [-1, 1] is cut into `bins` - 1 equal ranges, closed below; the last bin has the exact matches and they
    stand in no other.

    Args:
        similarity: (n, Q, D).
        exact: bool (n, Q, D).
        mask: bool (n, Q, D); pairs outside are not counted.
        sums: sum the similarities instead of counting them (aNMM).

    Returns:
        (n, Q, bins), in the type of `similarity`.
    """
    ranges = bins - 1
    place = ((similarity + 1) * (ranges / 2)).long().clamp(0, ranges - 1).masked_fill(exact, ranges)
    weight = similarity * mask if sums else mask.to(similarity.dtype)
    counts = similarity.new_zeros(*similarity.shape[:2], bins)
    return counts.scatter_add(2, place, weight)
