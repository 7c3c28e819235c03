"""The complete titles of a search: the best of each lane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.seal.decoding.candidates import best_of_each


class Titles:
    """Collects complete titles and says what a hypothesis must score to become one of the best.

    Args:
        lanes: how many lanes there are.
        beams: titles kept of one lane.
        longest: most tokens of a title.
    """

    __slots__ = ("_beams", "bar", "lanes", "lengths", "ranges", "scores", "tokens")

    def __init__(self, lanes: int, beams: int, longest: int) -> None:
        self._beams = beams
        self.lanes = np.zeros(0, np.int64)
        self.scores = np.zeros(0, np.float64)
        self.lengths = np.zeros(0, np.int64)
        self.tokens = np.zeros((0, longest), np.int64)
        self.ranges = np.zeros((0, 2), np.int64)
        self.bar: NDArray[np.float64] = np.full(lanes, -np.inf)
        """What a lane's new title must exceed: its worst kept score once all places are taken, (lanes,)."""

    def add(
        self,
        lanes: NDArray[np.int64],
        scores: NDArray[np.float64],
        tokens: NDArray[np.int64],
        ranges: NDArray[np.int64],
    ) -> None:
        """Keep the best of those collected and of n new ones, all of one length.

        Shapes: lanes and scores (n,), tokens (n, length), ranges (n, 2).
        """
        count, length = tokens.shape
        padded = np.zeros((count, self.tokens.shape[1]), np.int64)
        padded[:, :length] = tokens
        all_lanes = np.concatenate([self.lanes, lanes])
        all_scores = np.concatenate([self.scores, scores])
        kept, ranks = best_of_each(all_scores, all_lanes, self._beams)
        self.lanes, self.scores = all_lanes[kept], all_scores[kept]
        self.lengths = np.concatenate([self.lengths, np.full(count, length, np.int64)])[kept]
        self.tokens = np.concatenate([self.tokens, padded])[kept]
        self.ranges = np.concatenate([self.ranges, ranges])[kept]
        last = ranks == self._beams - 1
        self.bar[self.lanes[last]] = self.scores[last]
