"""The native key cover against sets and slices, and against sums done by hand."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.kernels import key_cover as native
from skerry.kernels.key_cover import Covered, RankedKeys, Singles
from skerry.kernels.reference import key_cover as reference

MODULES = pytest.mark.parametrize("module", [native, reference], ids=["native", "reference"])


def ranked(
    keys: Sequence[Sequence[int]], weights: Sequence[float], anchored: Sequence[int] = ()
) -> RankedKeys:
    flags = np.zeros(len(keys), bool)
    flags[list(anchored)] = True
    return RankedKeys(*ragged(keys), np.array(weights, np.float64), flags)


def ragged(rows: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    return offsets, np.array([token for row in rows for token in row], np.uint32)


def singles(weights: dict[int, float]) -> Singles:
    return Singles(np.array(list(weights), np.uint32), np.array(list(weights.values()), np.float64))


def taken(covered: Covered, passage: int) -> list[tuple[int, int, float]]:
    part = slice(covered.offsets[passage], covered.offsets[passage + 1])
    return [
        (int(key), int(start), round(float(worth), 9))
        for key, start, worth in zip(
            covered.keys[part], covered.starts[part], covered.contributions[part], strict=True
        )
    ]


def test_cover_by_hand() -> None:
    assert reference.cover([1, 2], set(), 0.8) == pytest.approx(1.0)
    assert reference.cover([1, 2], {2, 3}, 0.8) == pytest.approx(0.6)
    assert reference.cover([1, 2], {1, 2}, 0.8) == pytest.approx(0.2)
    assert reference.cover([1, 1, 1, 2], {1}, 0.8) == pytest.approx(0.6)  # of distinct tokens, not of places
    assert reference.cover([1, 2], {1, 2}, 0.0) == 1.0


@MODULES
def test_located_by_hand(module: object) -> None:
    keys = ranked([[1, 2], [2, 3], [1, 3]], [10.0, 4.0, 2.0])
    rows = np.array([[2, 7, 8], [1, 7, 1], [0, 7, 0], [0, 7, 5], [1, 5, 0], [0, 9, 3], [1, 9, 5]], np.int64)
    passages, scores = module.cover_located(keys, 0.8, *rows.T)  # type: ignore[attr-defined]
    assert passages.tolist() == [5, 7, 9]
    # 5: one key. 7: the first key once though it stands there twice; the second overlaps it and is out; the
    # third has one new token of two. 9: both, the second where the first ends, one of its two tokens new.
    assert scores.tolist() == pytest.approx([4.0, 10 + 2 * 0.6, 10 + 4 * 0.6])


@MODULES
def test_a_match_covers_forward_from_its_start(module: object) -> None:
    """A match of k tokens at x covers [x, x + k), and not [x - k, x)."""
    keys = ranked([[1, 2, 3], [4, 5]], [2.0, 1.0])
    for start, both in ((0, True), (1, True), (2, False), (3, False), (5, False), (6, True)):
        rows = np.array([[0, 0, 3], [1, 0, start]], np.int64)
        _, scores = module.cover_located(keys, 0.8, *rows.T)  # type: ignore[attr-defined]
        assert scores.tolist() == [3.0 if both else 2.0], start


@MODULES
def test_passages_by_hand(module: object) -> None:
    keys = ranked([[5, 6, 7], [6, 7], [7, 8], [1, 2]], [9.0, 4.0, 2.0, 1.0], anchored=[3])
    weights = singles({8: 0.5, 5: 0.25, 1: 0.125})
    offsets, tokens = ragged([[1, 2, 5, 6, 7, 8, 8, 5], [], [6, 7, 8, 1, 2], [7, 8, 5, 6, 7, 6, 7]])
    covered = module.cover_passages(  # type: ignore[attr-defined]
        keys, weights, 10, 0.8, offsets, tokens, matches=True
    )
    # The anchored key counts at the start of the first passage, but not inside the third.
    assert taken(covered, 0) == [(0, 2, 9.0), (3, 0, 1.0), (-1, 5, 0.5), (-1, 7, 0.05)]
    assert taken(covered, 1) == []
    assert taken(covered, 2) == [(1, 0, 4.0), (-1, 2, 0.5), (-1, 3, 0.125)]
    # Key 1 stands inside key 0 and once more, with no new token; key 2 shares one of its two.
    assert taken(covered, 3) == [(0, 2, 9.0), (1, 5, 0.8), (2, 0, 1.2)]
    assert covered.scores.tolist() == pytest.approx([10.55, 0.0, 4.625, 11.0])
    without = module.cover_passages(keys, weights, 10, 0.8, offsets, tokens)  # type: ignore[attr-defined]
    assert without.scores.tolist() == covered.scores.tolist()
    assert without.offsets.tolist() == [0]
    assert len(without.keys) == 0


@st.composite
def cases(draw: st.DrawFn) -> tuple[RankedKeys, Singles, int, float, list[list[int]]]:
    vocabulary = draw(st.sampled_from([2, 3, 8, 200_000]))
    # Of a large vocabulary, few tokens, far apart: what matters is that keys meet.
    token = st.integers(0, min(vocabulary, 8) - 1).map(lambda t: vocabulary - 1 - t * (vocabulary // 8 or 1))
    gram = st.lists(token, min_size=1, max_size=6).map(tuple)
    keys = draw(st.lists(gram, max_size=12, unique=True))
    size = len(keys)
    some = st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 100, allow_nan=False)
    weights = sorted(draw(st.lists(some, min_size=size, max_size=size)), reverse=True)
    anchored = [key for key in range(size) if draw(st.booleans())]
    bag = draw(st.dictionaries(token, some, max_size=8))
    passages = draw(st.lists(st.lists(token, max_size=30), max_size=5))
    return ranked(keys, weights, anchored), singles(bag), vocabulary, draw(st.floats(0, 1)), passages


@settings(max_examples=300, deadline=None)
@given(cases())
def test_passages_are_as_the_reference_has_them(
    case: tuple[RankedKeys, Singles, int, float, list[list[int]]],
) -> None:
    keys, bag, vocabulary, b, passages = case
    offsets, tokens = ragged(passages)
    fast = native.cover_passages(keys, bag, vocabulary, b, offsets, tokens, matches=True)
    slow = reference.cover_passages(keys, bag, vocabulary, b, offsets, tokens, matches=True)
    np.testing.assert_allclose(fast.scores, slow.scores, rtol=1e-12)
    np.testing.assert_array_equal(fast.offsets, slow.offsets)
    np.testing.assert_array_equal(fast.keys, slow.keys)
    np.testing.assert_array_equal(fast.starts, slow.starts)
    np.testing.assert_allclose(fast.contributions, slow.contributions, rtol=1e-12)
    sums = [fast.contributions[i:j].sum() for i, j in zip(fast.offsets, fast.offsets[1:], strict=False)]
    np.testing.assert_allclose(fast.scores, sums, rtol=1e-12)


@settings(max_examples=300, deadline=None)
@given(cases(), st.integers(0, 2**32 - 1), st.integers(0, 60))
def test_located_rows_are_scored_as_the_reference_does(
    case: tuple[RankedKeys, Singles, int, float, list[list[int]]], seed: int, rows: int
) -> None:
    keys, _, _, b, _ = case
    random = np.random.default_rng(seed)
    rows = rows if len(keys) else 0
    which = random.integers(0, max(len(keys), 1), rows)
    passages = random.integers(0, 4, rows) * 10**10
    starts = random.integers(0, 20, rows)
    fast = native.cover_located(keys, b, which, passages, starts)
    slow = reference.cover_located(keys, b, which, passages, starts)
    np.testing.assert_array_equal(fast[0], slow[0])
    np.testing.assert_allclose(fast[1], slow[1], rtol=1e-12)


@settings(max_examples=100, deadline=None)
@given(cases())
def test_what_is_found_in_passages_is_what_located_rows_say(
    case: tuple[RankedKeys, Singles, int, float, list[list[int]]],
) -> None:
    """With every place located, no anchors and no single tokens, the two functions are the same."""
    keys, _, vocabulary, b, passages = case
    free = RankedKeys(keys.offsets, keys.tokens, keys.weights, np.zeros(len(keys), bool))
    grams = [keys.tokens[keys.offsets[i] : keys.offsets[i + 1]].tolist() for i in range(len(keys))]
    rows = np.array(
        [
            (key, number, start)
            for number, passage in enumerate(passages)
            for start in range(len(passage))
            for key, gram in enumerate(grams)
            if passage[start : start + len(gram)] == gram
        ],
        np.int64,
    ).reshape(-1, 3)
    found, scores = native.cover_located(free, b, *rows.T)
    covered = native.cover_passages(free, singles({}), vocabulary, b, *ragged(passages))
    np.testing.assert_array_equal(covered.scores[found], scores)
    assert covered.scores.sum() == pytest.approx(scores.sum())


def test_tokens_outside_of_the_vocabulary_match_nothing() -> None:
    keys = ranked([[1, 2]], [1.0])
    covered = native.cover_passages(keys, singles({2: 0.5}), 3, 0.8, *ragged([[2**32 - 1, 1, 2, 3, 2]]))
    assert covered.scores.tolist() == pytest.approx([1.1])


def test_nothing() -> None:
    none = ranked([], [])
    assert native.cover_passages(none, singles({}), 0, 0.8, *ragged([])).scores.tolist() == []
    assert native.cover_passages(none, singles({}), 0, 0.8, *ragged([[], [1]])).scores.tolist() == [0, 0]
    passages, scores = native.cover_located(none, 0.8, *np.zeros((3, 0), np.int64))
    assert len(passages) == len(scores) == 0


def test_bad_keys() -> None:
    one = ragged([[0, 1]])
    for keys, problem in (
        (ranked([[1], [2]], [1.0, 2.0]), "falling"),
        (ranked([[1]], [-1.0]), "at least 0"),
        (ranked([[1]], [float("nan")]), "finite"),
        (ranked([[1]], [float("inf")]), "finite"),
        (ranked([[]], [1.0]), "impossible length"),
        (ranked([[1]], [1.0, 1.0]), "2 weights for 1 keys"),
        (RankedKeys(np.zeros(0, np.int64), one[1], np.zeros(0), np.zeros(0, bool)), "start with 0"),
        (RankedKeys(np.array([0, 3]), one[1], np.ones(1), np.zeros(1, bool)), "end with 3 of 2"),
    ):
        with pytest.raises(ValueError, match=problem):
            native.cover_passages(keys, singles({}), 9, 0.8, *one)
        with pytest.raises(ValueError, match=problem):
            native.cover_located(keys, 0.8, *np.zeros((3, 0), np.int64))


def test_bad_passages_and_singles() -> None:
    keys, one = ranked([[1, 2]], [1.0]), ragged([[0, 1]])
    with pytest.raises(ValueError, match="the same tokens"):
        native.cover_passages(ranked([[1, 2], [1, 2]], [1.0, 1.0]), singles({}), 9, 0.8, *one)
    with pytest.raises(ValueError, match="not below 2"):
        native.cover_passages(keys, singles({}), 2, 0.8, *one)
    with pytest.raises(ValueError, match="not below 3"):
        native.cover_passages(keys, singles({3: 1.0}), 3, 0.8, *one)
    with pytest.raises(ValueError, match="at least 0"):
        native.cover_passages(keys, singles({2: -1.0}), 3, 0.8, *one)
    with pytest.raises(ValueError, match="anchors"):
        native.cover_passages(
            RankedKeys(keys.offsets, keys.tokens, keys.weights, np.zeros(2, bool)), singles({}), 3, 0.8, *one
        )
    with pytest.raises(ValueError, match="differ in number"):
        native.cover_passages(keys, Singles(one[1], np.ones(1)), 3, 0.8, *one)
    with pytest.raises(ValueError, match="too large"):
        native.cover_passages(keys, singles({}), 2**40, 0.8, *one)
    for offsets in ([0, 3], [0, 2, 1], [1, 2], []):
        with pytest.raises(ValueError, match=r"offsets|length"):
            native.cover_passages(keys, singles({}), 3, 0.8, np.array(offsets, np.int64), one[1])
    for b in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="discount"):
            native.cover_passages(keys, singles({}), 3, b, *one)
    for row in ([1, 0, 0], [-1, 0, 0], [0, -1, 0], [0, 0, -1], [0, 0, 2**31]):
        with pytest.raises(ValueError, match="cannot be"):
            native.cover_located(keys, 0.8, *np.array([row], np.int64).T)
    with pytest.raises(ValueError, match="differ in number"):
        native.cover_located(keys, 0.8, *(np.zeros(n, np.int64) for n in (1, 1, 2)))


def test_threads() -> None:
    random = np.random.default_rng(3)
    grams = {tuple(random.integers(0, 50, random.integers(2, 5)).tolist()) for _ in range(300)}
    keys = ranked(sorted(grams), np.linspace(9, 1, len(grams)).tolist())
    offsets, tokens = ragged(random.integers(0, 50, (200, 100)).tolist())
    expected = native.cover_passages(keys, singles({1: 1.0}), 50, 0.8, offsets, tokens).scores
    same: list[bool] = []

    def score() -> None:
        scores = native.cover_passages(keys, singles({1: 1.0}), 50, 0.8, offsets, tokens).scores
        same.append(bool((scores == expected).all()))

    threads = [threading.Thread(target=score) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 4
