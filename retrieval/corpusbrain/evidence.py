"""Why a passage was found: the title that was generated, and how probable it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.base import Evidence
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpusbrain.options import LEG


@dataclass(frozen=True, slots=True)
class FoundEvidence(Sequence[tuple[Evidence, ...]]):
    """The evidence of a ranked list of passages, one piece each, worked out when it is looked at.

    Attributes:
        pages: the passages' pages, int64 of shape (n,).
        log_probs: of the pages' titles, float64 of shape (n,).
    """

    pages: NDArray[np.int64]
    log_probs: NDArray[np.float64]
    passages: PassageStore

    def __len__(self) -> int:
        return len(self.pages)

    @overload
    def __getitem__(self, rank: int) -> tuple[Evidence, ...]: ...
    @overload
    def __getitem__(self, rank: slice) -> Sequence[tuple[Evidence, ...]]: ...
    def __getitem__(self, rank: int | slice) -> tuple[Evidence, ...] | Sequence[tuple[Evidence, ...]]:
        if isinstance(rank, slice):
            return FoundEvidence(self.pages[rank], self.log_probs[rank], self.passages)
        page = self.passages.page(int(self.pages[rank]))
        title = page.title if page.title.strip() else page.id
        return (Evidence(title, count=0, score=float(self.log_probs[rank]), leg=LEG, in_title=True),)
