"""The live hypotheses of a search, and what may follow each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Hypotheses:
    """Sequences of titles under way, equally long all, in order of their queries.

    Attributes:
        rows: the row of the model's state that each is, or continues; int64 of shape (n,).
        queries: int64 of shape (n,), rising.
        tokens: the last token of each, int64 of shape (n,).
        nodes: where each stands in the tree, int64 of shape (n,).
        places: titles that each has finished, int64 of shape (n,).
        scores: log-probabilities, float64 of shape (n,).
    """

    rows: NDArray[np.int64]
    queries: NDArray[np.int64]
    tokens: NDArray[np.int64]
    nodes: NDArray[np.int64]
    places: NDArray[np.int64]
    scores: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)

    def only(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Hypotheses:
        """Some of them, `chosen` a mask or numbers."""
        return Hypotheses(
            self.rows[chosen],
            self.queries[chosen],
            self.tokens[chosen],
            self.nodes[chosen],
            self.places[chosen],
            self.scores[chosen],
        )

    def best_of_each_query(self, most: int) -> Hypotheses:
        """The `most` best of every query, best first; of equal ones the earlier comes first."""
        starts = np.flatnonzero(np.diff(self.queries, prepend=-1)).tolist()
        best = [
            start + _best(self.scores[start:stop], most)
            for start, stop in pairwise([*starts, len(self.queries)])
        ]
        return self.only(np.concatenate([np.zeros(0, np.int64), *best]))


def beginnings(queries: int, root: int) -> Hypotheses:
    """The empty sequence of each query."""
    zeros = np.zeros(queries, np.int64)
    return Hypotheses(np.arange(queries), np.arange(queries), zeros, zeros + root, zeros, np.zeros(queries))


def continuations(
    hypotheses: Hypotheses,
    allowed: Sequence[NDArray[np.int64]],
    first_child: NDArray[np.int64],
    log_probs: Sequence[NDArray[np.float32]],
) -> Hypotheses:
    """Every hypothesis followed by each of its allowed tokens; number j leads to node first_child + j."""
    sizes = np.array([len(tokens) for tokens in allowed], np.int64)
    rows = np.repeat(np.arange(len(sizes)), sizes)
    numbers = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return Hypotheses(
        rows,
        hypotheses.queries[rows],
        np.concatenate(allowed),
        first_child[rows] + numbers,
        hypotheses.places[rows],
        hypotheses.scores[rows] + np.concatenate(log_probs),
    )


def _best(scores: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Numbers of the `most` highest scores, highest first."""
    if len(scores) > most:
        high = np.flatnonzero(scores >= np.partition(scores, -most)[-most])
    else:
        high = np.arange(len(scores))
    best: NDArray[np.int64] = high[np.argsort(-scores[high], kind="stable")[:most]]
    return best
