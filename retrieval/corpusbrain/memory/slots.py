"""The slots of a page: the centres of its passages' vectors, by spherical k-means."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.embedding.prefix import leading

MOST_SLOTS = 64
"""Of a page: measured on SQuAD, 32 find .72 of the pages asked for, 64 find .75."""
_ROUNDS = 8


def slots_a_page(sizes: NDArray[np.int64], most: int) -> int:
    """How many slots a page has at most, that all pages have `most` at most: from 0 to `MOST_SLOTS`.

    Args:
        sizes: passages of each page, int64 (pages,), each at least 1.
    """
    fitting = [k for k in range(1, MOST_SLOTS + 1) if int(np.minimum(sizes, k).sum()) <= most]
    return fitting[-1] if fitting else 0


def page_slots(vectors: NDArray[np.float32], most: int, random: np.random.Generator) -> NDArray[np.float32]:
    """The slots of one page, unit vectors of shape (min(n, most), width).

    Args:
        vectors: of its passages, unit vectors, float32 (n, width), n at least 1.
        most: 1 or more; of no more passages each is a slot.
        random: draws the passages that the rounds begin with.
    """
    if len(vectors) <= most:
        return vectors
    centres = vectors[random.permutation(len(vectors))[:most]]
    numbers = np.arange(most)
    for _ in range(_ROUNDS):
        nearest = (vectors @ centres.T).argmax(1)
        sums = (nearest == numbers[:, None]).astype(np.float32) @ vectors
        # What is nearest to no passage stays where it is.
        centres = unit(sums + 1e-6 * centres)
    return centres


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors at length 1, float32 (n, width); of length 0 stay as they are."""
    return leading(vectors, vectors.shape[1])
