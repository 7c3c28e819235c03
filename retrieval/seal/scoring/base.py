"""What a scoring takes and gives, and the registry of scorings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skerry.core.registry import Registry
from skerry.retrieval.seal.scoring.corpus import Corpus
from skerry.retrieval.seal.scoring.keys import Keys
from skerry.retrieval.seal.scoring.options import ScoringOptions


@dataclass(frozen=True, slots=True)
class Match:
    """A part of a passage's score.

    Attributes:
        key: its number among the keys; -1 for a token of the first step's distribution.
        tokens: what it is.
        start, stop: the tokens of the passage that it covers, [start, stop).
        count: occurrences in the corpus.
        contribution: what it added to the score.
    """

    key: int
    tokens: tuple[int, ...]
    start: int
    stop: int
    count: int
    contribution: float


@dataclass(frozen=True, slots=True)
class Matches:
    """The parts of several passages' scores; a passage's come by falling contribution.

    Attributes:
        offsets: passage i's are [offsets[i], offsets[i + 1]) of the other arrays; int64 of shape (p + 1,).
        keys, starts, stops, counts, contributions: as in `Match`; int64, the last float64, of shape (m,).
        tokens: of all matches, one after another; uint32 of shape (sum of stops - starts,).
    """

    offsets: NDArray[np.int64]
    keys: NDArray[np.int64]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    counts: NDArray[np.int64]
    contributions: NDArray[np.float64]
    tokens: NDArray[np.uint32]

    @classmethod
    def none(cls) -> Matches:
        """Of no passages."""
        empty = np.zeros(0, np.int64)
        return cls(np.zeros(1, np.int64), empty, empty, empty, empty, np.zeros(0), np.zeros(0, np.uint32))

    def __len__(self) -> int:
        """Of how many passages."""
        return len(self.offsets) - 1

    def of(self, passage: int) -> list[Match]:
        """The parts of the score of the passage at this rank, from 0, below `len(self)`."""
        ends = np.cumsum(self.stops - self.starts)
        return [
            Match(
                key=int(self.keys[i]),
                tokens=tuple(self.tokens[ends[i] - (self.stops[i] - self.starts[i]) : ends[i]].tolist()),
                start=int(self.starts[i]),
                stop=int(self.stops[i]),
                count=int(self.counts[i]),
                contribution=float(self.contributions[i]),
            )
            for i in range(self.offsets[passage], self.offsets[passage + 1])
        ]


@dataclass(frozen=True, slots=True)
class Scored:
    """Passages that keys found, best first, equal scores by number.

    Attributes:
        passages: int64 of shape (n,).
        scores: falling; float64 of shape (n,).
        matches: of the first passages, as many as were asked for.
        index_seconds: time spent in the index.
    """

    passages: NDArray[np.int64]
    scores: NDArray[np.float64]
    matches: Matches = field(default_factory=Matches.none)
    index_seconds: float = 0.0


class Scoring(Protocol):
    """A pure function of one query's keys. Safe from several threads; most of it runs without the GIL."""

    def __call__(
        self,
        keys: Keys,
        first_log_probs: NDArray[np.float32],
        corpus: Corpus,
        options: ScoringOptions,
        *,
        matches: int = 0,
        within: NDArray[np.int64] | None = None,
    ) -> Scored:
        """Score the passages that have one of the keys.

        Args:
            keys: of the query.
            first_log_probs: the model's first step under the body prompt, shape (logit columns,).
            corpus: the index and its counts.
            options: the knobs; at most `options.candidates` passages are returned.
            matches: of how many passages, the best, to say what the scores are made of.
            within: consider these passages only; int64, ascending.

        Raises:
            InvalidInput: keys with tokens that the index cannot have; log-probabilities that are no numbers.
        """
        ...


SCORINGS: Registry[Scoring] = Registry(
    "scoring",
    {
        "lm": "skerry.retrieval.seal.scoring.lm:lm",
        "lm_fm": "skerry.retrieval.seal.scoring.lm_fm:lm_fm",
        "intersective": "skerry.retrieval.seal.scoring.intersective:intersective",
        "balanced": "skerry.retrieval.seal.scoring.balanced:balanced",
    },
)
