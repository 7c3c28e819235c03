"""Passages that are kept are as they were read."""

from __future__ import annotations

import threading
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from skerry.retrieval.seal.scoring.passages import PassageTokens

from .conftest import BruteIndex

PASSAGES = [[0] * length + [length] for length in range(12)]


class Counting(BruteIndex):
    """Remembers what was read."""

    def __init__(self) -> None:
        super().__init__(PASSAGES, 20)
        self.read: list[int] = []

    def extract(self, passages: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        self.read += passages.tolist()
        return super().extract(passages)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(0, 11), max_size=8), max_size=10), st.integers(0, 90))
def test_kept_passages_are_as_read(queries: list[list[int]], most: int) -> None:
    index = Counting()
    kept = PassageTokens(index, most)
    for query in queries:
        passages = np.array(query, np.int64)
        offsets, tokens = kept.extract(passages)
        expected = BruteIndex.extract(index, passages)
        np.testing.assert_array_equal(offsets, expected[0])
        np.testing.assert_array_equal(tokens, expected[1])
        assert tokens.dtype == np.uint32


def test_those_used_last_are_kept() -> None:
    index = Counting()
    kept = PassageTokens(index, 12)  # passages 3, 2 and 4 are 4, 3 and 5 tokens
    for query, read in (([3, 2], [3, 2]), ([3, 3], []), ([4], [4]), ([0], [0]), ([3, 4, 0], []), ([2], [2])):
        index.read.clear()
        kept.extract(np.array(query))
        assert index.read == read, query


def test_threads() -> None:
    kept = PassageTokens(BruteIndex(PASSAGES, 20), 30)
    failures: list[BaseException] = []

    def read(seed: int) -> None:
        random = np.random.default_rng(seed)
        for _ in range(200):
            passages = random.integers(0, 12, 4)
            offsets, tokens = kept.extract(passages)
            got = [tokens[i:j].tolist() for i, j in pairwise(offsets)]
            if got != [PASSAGES[passage] for passage in passages]:
                failures.append(AssertionError(passages))

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_errors_are_the_index_s() -> None:
    with pytest.raises(IndexError):
        PassageTokens(BruteIndex(PASSAGES, 20), 30).extract(np.array([99]))
