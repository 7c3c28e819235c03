"""What a learnt fusion does, and the questions it is learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.fusion.base import Fused, LegList

LEARNED = "learned"
"""What a request's fusion is called where the index's own is meant."""


class LearnedFusion(Protocol):
    """A pure function of the legs' lists by the legs' names."""

    @property
    def method(self) -> str:
        """Its name: "convex" or "lambdamart"."""
        ...

    @property
    def legs(self) -> tuple[str, ...]:
        """Those that it was learnt on."""
        ...

    def __call__(self, lists: Mapping[str, LegList]) -> Fused:
        """Fuse the lists of exactly its legs; their weights do not count."""
        ...


@dataclass(frozen=True, slots=True)
class Judged:
    """A question's lists, and the passages that are relevant to it.

    Attributes:
        lists: by leg. Whatever gives passages numbers may be one, a ranker too.
        relevant: ordinals.
        group: what the question is about; questions of one group are never both learnt from and tested on.
        gains: how relevant, above 0, by ordinal; 1 for those that are relevant and not in it.
    """

    lists: Mapping[str, LegList]
    relevant: frozenset[int]
    group: str
    gains: Mapping[int, int] = field(default_factory=dict)

    def gains_of(self, ordinals: NDArray[np.int64]) -> NDArray[np.int64]:
        """The gain of each of some passages, int64 of their shape; 0 for those that are not relevant."""
        return np.array(
            [self.gains.get(o, 1) if o in self.relevant else 0 for o in ordinals.tolist()], np.int64
        )
