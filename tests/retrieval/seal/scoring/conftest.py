"""A tiny index by brute force, and scorings by the letter of their definition."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from skerry.retrieval.seal.scoring import Corpus, Keys
from skerry.retrieval.seal.scoring.keys import KINDS


class BruteIndex:
    """Rows are places (passage, end) sorted by what stands before them, read backwards."""

    def __init__(self, passages: Sequence[Sequence[int]], alphabet: int) -> None:
        self.texts = [list(passage) for passage in passages]
        self.passages = len(self.texts)
        self.alphabet = alphabet
        self.tokens = sum(map(len, self.texts))
        places = [(p, end) for p, passage in enumerate(self.texts) for end in range(1, len(passage) + 1)]
        self.rows = sorted(places, key=lambda place: (self._before(*place), place))

    def _before(self, passage: int, end: int) -> list[int]:
        return [*reversed(self.texts[passage][:end]), -1]

    def find(self, ngram: Sequence[int], *, at_beginning: bool = False) -> tuple[int, int]:
        wanted = [*reversed(ngram), *([-1] if at_beginning else [])]
        rows = [row for row, place in enumerate(self.rows) if self._before(*place)[: len(wanted)] == wanted]
        assert rows == list(range(rows[0], rows[-1] + 1)) if rows else True
        return (rows[0], rows[-1] + 1) if rows else (0, 0)

    def everything(self) -> NDArray[np.int64]:
        return np.array([[0, len(self.rows)]], np.int64)

    def probe(self, ranges: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        assert ranges.tolist() == self.everything().tolist()
        return np.array([[self.find([token]) for token in tokens.tolist()]], np.int64).reshape(1, -1, 2)

    def locate(
        self, rows: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        places = np.array([self.rows[row] for row in rows.tolist()], np.int64).reshape(-1, 2)
        return places[:, 0], places[:, 1] - lengths

    def extract(self, passages: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        found = [self.texts[passage] for passage in passages.tolist()]
        offsets = np.cumsum([0, *map(len, found)], dtype=np.int64)
        return offsets, np.array([token for passage in found for token in passage], np.uint32)


def keys_of(index: BruteIndex, keys: Sequence[tuple[Sequence[int], float, str]]) -> Keys:
    """Keys from (tokens, log-probability, kind)."""
    ranges = [index.find(tokens, at_beginning=kind == "title") for tokens, _, kind in keys]
    return Keys(
        np.cumsum([0, *(len(tokens) for tokens, _, _ in keys)], dtype=np.int64),
        np.array([token for tokens, _, _ in keys for token in tokens], np.uint32),
        np.array([log_prob for _, log_prob, _ in keys], np.float64),
        np.array(ranges, np.int64).reshape(-1, 2),
        np.array([KINDS.index(kind) for _, _, kind in keys], np.uint8),
    )


def odds(log_prob: float, count: int, tokens: int) -> float:
    """w, written with probabilities."""
    p, q = math.exp(log_prob), (count + 5) / (tokens + 5)
    return 0.0 if q >= 1 else max(0.0, math.log(p * (1 - q) / (q * (1 - p))))


@pytest.fixture
def small() -> Corpus:
    """Five passages of 30 tokens, alphabet 12."""
    passages = [
        [1, 2, 0, 3, 4, 5, 6],
        [1, 2, 0, 4, 5, 7, 3],
        [8, 0, 3, 4, 9, 3, 4, 5],
        [2, 0, 10],
        [2, 0, 6, 5, 4],
    ]
    return Corpus(BruteIndex(passages, 12))
