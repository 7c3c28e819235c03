"""Scoring on the FM-index is scoring on the tiny one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.retrieval.seal.fm_index import FmIndex
from skerry.retrieval.seal.scoring import SCORINGS, Corpus, Keys, ScoringOptions

from .conftest import BruteIndex, keys_of


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[list[int]], list[tuple[list[int], float, str]], np.ndarray]:
    token = st.integers(0, 5)
    passages = draw(st.lists(st.lists(token, max_size=20), min_size=1, max_size=8))
    gram = st.lists(token, min_size=1, max_size=4)
    row = st.tuples(gram, st.floats(-6, 0), st.sampled_from(["body", "title", "query"]))
    rows = draw(st.lists(row, max_size=10))
    step = draw(st.lists(st.floats(-9, 0), min_size=6, max_size=6))
    return passages, rows, np.array(step, np.float32)


@settings(max_examples=100, deadline=None)
@given(cases())
def test_same(case: tuple[list[list[int]], list[tuple[list[int], float, str]], np.ndarray]) -> None:
    passages, rows, step = case
    tiny = BruteIndex(passages, 6)
    index = FmIndex.build(
        np.array([token for passage in passages for token in passage], np.uint32),
        np.array([len(passage) for passage in passages]),
        6,
    )
    rows = [row for row in rows if np.ptp(tiny.find(row[0], at_beginning=row[2] == "title")) > 0]
    expected = keys_of(tiny, rows)
    ranges = []
    for tokens, _, kind in rows:
        found = index.beginnings() if kind == "title" else index.everything()
        for token in tokens:
            found = index.extend(found, np.array([token]))
        ranges.append(found[0])
    keys = Keys(
        expected.offsets,
        expected.tokens,
        expected.log_probs,
        np.array(ranges, np.int64).reshape(-1, 2),
        expected.kinds,
    )
    np.testing.assert_array_equal(keys.counts, expected.counts)
    np.testing.assert_array_equal(Corpus(index).token_counts, Corpus(tiny).token_counts)
    for name in SCORINGS:
        one = SCORINGS.load(name)(keys, step, Corpus(index), ScoringOptions(), matches=5)
        other = SCORINGS.load(name)(expected, step, Corpus(tiny), ScoringOptions(), matches=5)
        np.testing.assert_array_equal(one.passages, other.passages)
        np.testing.assert_array_equal(one.scores, other.scores)
        for i in range(len(one.matches)):
            assert one.matches.of(i) == other.matches.of(i)


def test_marks_are_worth_nothing_by_themselves() -> None:
    passages = [[1, 0, 2, 3], [4, 0, 2, 3], [5, 0, 6, 7]]
    tiny = BruteIndex(passages, 8)
    keys = keys_of(tiny, [([2, 3], -0.1, "body"), ([0, 6], -0.5, "body")])
    step = np.full(8, -20.0, np.float32)
    step[0] = -0.2
    scores = {}
    for marks in ((), (0,), (0, 99)):
        scored = SCORINGS.load("intersective")(keys, step, Corpus(tiny, marks), ScoringOptions(), matches=3)
        scores[marks] = dict(zip(scored.passages.tolist(), scored.scores.tolist(), strict=True))
    assert scores[(0,)] == scores[(0, 99)]
    assert scores[()][0] - scores[(0,)][0] > 1
    assert scores[()][2] == pytest.approx(scores[(0,)][2])  # there a key has it
