"""Reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009): ranks only, no scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skerry.retrieval.fusion.base import Fused, LegList, ranked, union

RANK_CONSTANT = 60.0


def rrf(legs: Sequence[LegList]) -> Fused:
    """A passage's score is the sum of weight / (60 + rank) over the legs that found it, ranks from 1."""
    every, places = union(legs)
    parts = []
    for leg, place in zip(legs, places, strict=True):
        part = np.zeros(len(every))
        part[place] = leg.weight / (RANK_CONSTANT + np.arange(1, len(place) + 1))
        parts.append(part)
    return ranked(every, parts)
