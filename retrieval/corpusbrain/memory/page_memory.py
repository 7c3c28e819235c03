"""The memory of pages, as it is read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.corpusbrain.memory.asking import Asking

TEMPERATURE = 0.025
_LEAST_PRIOR = 0.1
"""By the number of pages: what no question kept is near is not taken for infinitely improbable."""
_ROWS = 32


@dataclass(frozen=True, slots=True, eq=False)
class PageMemory:
    """Slots of each page, of which a query's vector finds the pages.

    A page's score is the log-sum-exp over its slots of the cosine to the query by `TEMPERATURE`: one slot
    that is near counts for more than many that are not.

    Attributes:
        keys: unit vectors, those of a page one after another, float32 (slots, width).
        starts: each page's first, int64 (pages,).
        asking: how questions are put, where that was learnt.
        log_prior: what is taken from each page's score, float64 (pages,).
    """

    keys: NDArray[np.float32]
    starts: NDArray[np.int64]
    asking: Asking | None
    log_prior: NDArray[np.float64]

    @classmethod
    def of(cls, keys: NDArray[np.float32], starts: NDArray[np.int64]) -> PageMemory:
        """One that has learnt nothing from questions."""
        return cls(keys, starts, None, np.zeros(len(starts)))

    def taught(self, asking: Asking) -> PageMemory:
        """The same slots, asked as `asking` says; every page's prior is what the questions kept make it."""
        plain = replace(self, asking=asking, log_prior=np.zeros(len(self.starts)))
        if not asking.strength or not len(asking.asked):
            return plain
        shares = sum(
            np.exp(plain.log_probs(asking.asked[low : low + _ROWS])).sum(0)
            for low in range(0, len(asking.asked), _ROWS)
        )
        prior = np.maximum(shares / len(asking.asked), _LEAST_PRIOR / len(self.starts))
        return replace(plain, log_prior=asking.strength * np.log(prior))

    def log_probs(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """The log-probability of each page.

        Args:
            vectors: of queries, unit vectors, float32 (n, width).

        Returns:
            float64 (n, pages).
        """
        found = np.empty((len(vectors), len(self.starts)))
        asked = vectors if self.asking is None else self.asking.applied(vectors)
        for low in range(0, len(vectors), _ROWS):
            scores = (asked[low : low + _ROWS] @ self.keys.T).astype(np.float64) / TEMPERATURE
            highest = scores.max(1, keepdims=True)
            # Cosines are 2 apart at most: nothing here is too small for a float64.
            masses = np.add.reduceat(np.exp(scores - highest), self.starts, axis=1)
            logits = np.log(masses) - self.log_prior
            logits -= logits.max(1, keepdims=True)
            found[low : low + _ROWS] = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        return found
