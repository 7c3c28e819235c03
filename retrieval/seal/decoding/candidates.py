"""What a step of a beam search chooses from, and the choice of the best of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Candidates:
    """Continuations of all live hypotheses. A lane is one pass of one question; rows are in order of lane.

    Attributes:
        scores: log-probabilities of the continued hypotheses, float64 of shape (rows, k); minus infinity
            where a row has fewer continuations than k.
        tokens: the continuing tokens, int64 of shape (rows, k).
        lanes: each row's lane, int64 of shape (rows,), rising.
        groups: each row's group of diverse beam search, int64 of shape (rows,).
    """

    scores: NDArray[np.float64]
    tokens: NDArray[np.int64]
    lanes: NDArray[np.int64]
    groups: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The continuations chosen, in order of lane.

    Attributes:
        rows, columns: where they stand among the candidates, int64 of shape (chosen,).
        groups: the group each belongs to from now on, int64 of shape (chosen,).
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    groups: NDArray[np.int64]


def best_of_each(
    scores: NDArray[np.float64], owners: NDArray[np.int64], most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The highest-scored items of each owner; of equal ones the earlier comes first.

    Args:
        scores: of the items, shape (items,).
        owners: who each item belongs to, shape (items,).
        most: items taken of one owner.

    Returns:
        The items taken, by owner and falling score, and the rank of each with its owner, counted from 0.
    """
    order = np.lexsort((-scores, owners))
    sorted_owners = owners[order]
    first = np.searchsorted(sorted_owners, sorted_owners)
    ranks = np.arange(len(order)) - first
    kept = ranks < most
    return order[kept], ranks[kept]
