"""What a fusion takes and gives, and the registry of fusions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skerry.core.registry import Registry


@dataclass(frozen=True, slots=True)
class LegList:
    """One leg's list for one query.

    Attributes:
        ordinals: passage ordinals, best first, each once; int64 of shape (n,).
        scores: the leg's scores, descending; shape (n,).
        weight: finite, at least 0; only the ratios of the legs' weights matter to the order.
    """

    ordinals: NDArray[np.int64]
    scores: NDArray[np.float32]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Fused:
    """Every passage of any leg, once: best first, equal scores by ordinal.

    `ordinals` is int64, `scores` float64, both of shape (n,).
    """

    ordinals: NDArray[np.int64]
    scores: NDArray[np.float64]


class Fusion(Protocol):
    """A pure function of the legs' lists, whose order does not matter."""

    def __call__(self, legs: Sequence[LegList]) -> Fused: ...


FUSIONS: Registry[Fusion] = Registry(
    "fusion",
    {
        "rrf": "skerry.retrieval.fusion.rrf:rrf",
        "convex": "skerry.retrieval.fusion.convex:convex",
    },
)


def union(legs: Sequence[LegList]) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """The passages of all legs, ascending, and for each leg where its own stand in them."""
    if not legs:
        return np.empty(0, np.int64), []
    every = np.unique(np.concatenate([leg.ordinals for leg in legs]))
    return every, [np.searchsorted(every, leg.ordinals) for leg in legs]


def ranked(ordinals: NDArray[np.int64], parts: Sequence[NDArray[np.float64]]) -> Fused:
    """Sort by the sum of the legs' parts; each part is float64 of the ordinals' shape.

    Parts are added smallest first, so that the sum does not depend on the order of the legs.
    """
    if not parts:
        return Fused(ordinals, np.zeros(len(ordinals)))
    scores = np.sort(np.stack(parts), axis=0).sum(axis=0)
    order = np.lexsort((ordinals, -scores))
    return Fused(ordinals[order], scores[order])
