"""How well cosines order sentence pairs as people do: Spearman's correlation, at every size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.retrieval.embedding.encoder import SentenceEncoder
from skerry.retrieval.embedding.prefix import leading
from skerry.retrieval.embedding.training.similarity import SimilarPair


def similarity_grid(
    encoder: SentenceEncoder,
    pairs: Sequence[SimilarPair],
    layers: Sequence[int],
    dimensions: Sequence[int],
) -> dict[tuple[int, int], float]:
    """The correlation at each (layers, dimensions)."""
    first = encoder.encode_layers([pair.first for pair in pairs], layers)
    second = encoder.encode_layers([pair.second for pair in pairs], layers)
    wanted = np.array([pair.score for pair in pairs])
    grid = {}
    for layer in layers:
        for size in dimensions:
            cosines = np.sum(leading(first[layer], size) * leading(second[layer], size), axis=1)
            grid[layer, size] = spearman(cosines, wanted)
    return grid


def spearman(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Spearman's rank correlation of two arrays of shape (n,); equal values share their mean rank.

    Raises:
        InvalidInput: an array whose values are all equal.
    """
    if min(len(np.unique(first)), len(np.unique(second))) < 2:
        raise InvalidInput("Values that are all equal have no rank correlation.")
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean: NDArray[np.float64] = np.cumsum(counts) - (counts - 1) / 2
    return mean[places]
