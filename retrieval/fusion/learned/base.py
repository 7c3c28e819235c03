"""What a learnt fusion does, and the questions it is learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

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
        lists: by leg.
        relevant: ordinals.
        group: what the question is about; questions of one group are never both learnt from and tested on.
    """

    lists: Mapping[str, LegList]
    relevant: frozenset[int]
    group: str
