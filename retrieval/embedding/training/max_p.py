"""A passage's score is that of its best vector (MaxP: Dai and Callan 2019), for many passages at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skerry.retrieval.embedding.starts import starts_of


@dataclass(frozen=True, slots=True)
class _Group:
    """Passages of one number of vectors: columns [first, first + passages * each) are theirs."""

    first: int
    passages: int
    each: int


class MaxP:
    """The vectors of some passages, those of as many vectors side by side.

    Args:
        counts: vectors of each passage, int64 of shape (passages,).

    Attributes:
        rows: which vector of the passages' own order stands in each column, int64 of shape (vectors,).
        columns: which column of `best` is each passage's, int64 of shape (passages,).
    """

    def __init__(self, counts: NDArray[np.int64]) -> None:
        order = np.argsort(counts, kind="stable")
        starts = starts_of([counts])
        self.rows = np.concatenate([np.arange(starts[one], starts[one + 1]) for one in order])
        self.columns = np.empty(len(order), np.int64)
        self.columns[order] = np.arange(len(order))
        self._groups = []
        first = 0
        for each, passages in zip(*np.unique(counts, return_counts=True), strict=True):
            self._groups.append(_Group(first, int(passages), int(each)))
            first += int(passages * each)

    def best(self, scores: Tensor) -> Tensor:
        """The passages' scores, (queries, passages) in the order of `columns`.

        Args:
            scores: of the vectors in the order of `rows`, (queries, vectors).
        """
        return torch.cat(
            [
                scores[:, group.first : group.first + group.passages * group.each]
                .view(len(scores), group.passages, group.each)
                .amax(2)
                for group in self._groups
            ],
            1,
        )
