"""Convex combination of min-max normalised scores (Bruch, Gai and Ingber, 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
            scores = leg.scores.astype(np.float64)
            low, high = scores.min(), scores.max()
            stretched = (scores - low) / (high - low) if high > low else np.ones(len(scores))
            part[place] = leg.weight / total * stretched
        parts.append(part)
    return ranked(every, parts)
