"""Convex combination of min-max normalised scores (Bruch, Gai and Ingber, 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.fusion.base import Fused, LegList, ranked, union


def convex(legs: Sequence[LegList]) -> Fused:
    """The weighted mean of the legs' scores, each leg's list stretched to [0, 1].

    A passage that a leg did not find takes that leg's minimum, 0; where a leg's scores are all equal, what it
    found counts 1.
    """
    every, places = union(legs)
    total = sum(leg.weight for leg in legs)
    parts = []
    for leg, place in zip(legs, places, strict=True):
        part = np.zeros(len(every))
        if len(place) and total > 0:
            part[place] = leg.weight / total * stretched(leg.scores)
        parts.append(part)
    return ranked(every, parts)


def stretched(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """One leg's scores from 0 to 1, of the same shape, at least one; all 1 where they are all equal."""
    wide = scores.astype(np.float64)
    low, high = wide.min(), wide.max()
    return (wide - low) / (high - low) if high > low else np.ones(len(wide))
