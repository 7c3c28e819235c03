"""The native FM-index against brute force, on random passages, in all instruction sets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydivsufsort import divsufsort

from skerry.core.errors import InvalidInput
from skerry.kernels import _native
from skerry.kernels.fm_index import FmIndex, build_image
from skerry.kernels.reference.fm_index import ReferenceFmIndex

ALPHABETS = [1, 2, 3, 7, 300, 50_000, 200_000]


@dataclass
class Slower:
    """The native class, every call taking the loops without AVX-512, or without BMI2 and AVX2 too."""

    native: _native.FmIndex
    portable: bool

    def __getattr__(self, name: str) -> object:
        value = getattr(self.native, name)
        return partial(self._call, value) if callable(value) else value

    def _call(self, method: Callable[..., object], *arguments: object) -> object:
        _native.allow_avx512(False)
        try:
            return method(*arguments, portable=self.portable)
        finally:
            _native.allow_avx512(True)


def indexes(passages: list[list[int]], alphabet: int, every: int) -> list[FmIndex]:
    """The index of passages: fast on one thread, fast on three, and with fewer instructions."""
    lengths = np.array([len(passage) for passage in passages], dtype=np.int64)
    tokens = np.array([token for passage in passages for token in passage], dtype=np.uint32)
    image = build_image(tokens, lengths, alphabet, locate_every=every)
    made = [FmIndex(image, threads=threads, verify=True) for threads in (1, 3, 1, 1)]
    made[2]._native = Slower(made[2]._native, portable=False)  # type: ignore[assignment]
    made[3]._native = Slower(made[3]._native, portable=True)  # type: ignore[assignment]
    return made


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[list[int]], int]:
    """Few different tokens, so that n-grams repeat and overlap; empty, one-token and repeated passages."""
    alphabet = draw(st.sampled_from(ALPHABETS))
    pool = draw(st.lists(st.integers(0, alphabet - 1), min_size=1, max_size=12))
    passage = st.lists(st.sampled_from(pool), max_size=14)
    passages = draw(st.lists(passage, max_size=7))
    if passages and draw(st.booleans()):
        passages.insert(draw(st.integers(0, len(passages))), passages[0])
    return passages, alphabet


def ngrams(passages: list[list[int]]) -> list[list[int]]:
    """Every n-gram of up to 4 tokens that occurs, and whole passages."""
    found = {tuple(p[i : i + n]) for p in passages for n in (1, 2, 3, 4) for i in range(len(p) - n + 1)}
    return [list(ngram) for ngram in sorted(found | {tuple(p) for p in passages if p})]


def ragged(sequences: list[list[int]]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    offsets = np.cumsum([0, *(len(sequence) for sequence in sequences)])
    return offsets, np.array([token for sequence in sequences for token in sequence], dtype=np.uint32)


def as_pairs(ranges: NDArray[np.int64]) -> list[tuple[int, int]]:
    return [(int(low), int(high)) for low, high in ranges]


SAME_PASSAGE_TWICE = ([[1, 1, 1, 1], [], [1], [1, 1, 1, 1]], 2)
NO_PASSAGES: tuple[list[list[int]], int] = ([], 5)
ONLY_EMPTY: tuple[list[list[int]], int] = ([[], []], 1)


@settings(max_examples=60, deadline=None)
@given(corpora(), st.sampled_from([1, 2, 3, 8, 64]), st.randoms(use_true_random=False))
@example(SAME_PASSAGE_TWICE, 2, None)
@example(NO_PASSAGES, 4, None)
@example(ONLY_EMPTY, 4, None)
def test_every_operation(corpus: tuple[list[list[int]], int], every: int, random: object) -> None:
    passages, alphabet = corpus
    slow = ReferenceFmIndex(passages, alphabet)
    seed = random.randrange(1000) if random is not None else 0  # type: ignore[attr-defined]
    rng = np.random.default_rng(seed)
    known = ngrams(passages)
    absent = [[alphabet - 1, *ngram] for ngram in known[:5]] + [[alphabet], [2**32 - 1, 0]]
    ranges = [as_pairs(slow.everything())[0], as_pairs(slow.beginnings())[0], (0, 0), (slow.rows, slow.rows)]
    ranges += [slow.find(ngram) for ngram in known]
    following = {pair: slow.continuations(*pair) for pair in ranges}
    tokens = np.array([ngram[0] for ngram in known] + [alphabet, 2**32 - 1], dtype=np.uint32)
    log_probs = rng.integers(-4, 0, (len(ranges), min(alphabet, 60_000) + 3)).astype(np.float32)
    for index in indexes(passages, alphabet, every):
        assert (index.passages, index.tokens, index.alphabet) == (len(passages), slow.tokens, alphabet)
        assert as_pairs(index.everything()) == as_pairs(slow.everything())
        assert as_pairs(index.beginnings()) == as_pairs(slow.beginnings())
        assert index.count(ranges).tolist() == [high - low for low, high in ranges]

        sought = [*known, [], *absent]
        assert as_pairs(index.find(*ragged(sought))) == [slow.find(ngram) for ngram in known] + [
            (0, slow.rows),
            *(slow.find(ngram) for ngram in absent),
        ]

        offsets, nexts, longer = index.continuations(ranges)
        for i, pair in enumerate(ranges):
            here = slice(offsets[i], offsets[i + 1])
            got = dict(zip(nexts[here].tolist(), as_pairs(longer[here]), strict=True))
            assert len(got) == offsets[i + 1] - offsets[i]
            assert got == following[pair]

        probed = index.probe(ranges, tokens)
        for i, pair in enumerate(ranges):
            wanted = [following[pair].get(int(token), (0, 0)) for token in tokens]
            assert as_pairs(probed[i]) == wanted
            assert as_pairs(index.extend([pair] * len(tokens), tokens)) == wanted
        apart = np.broadcast_to(tokens, (len(ranges), len(tokens)))
        np.testing.assert_array_equal(index.probe(ranges, apart), probed)

        for ngram in known:
            low, high = slow.find(ngram)
            rows = np.arange(low, high)
            where, starts = index.locate(rows, np.full(len(rows), len(ngram)))
            places = list(zip(where.tolist(), starts.tolist(), strict=True))
            assert places == [slow.locate(row, len(ngram)) for row in rows]
            assert sorted(places) == slow.occurrences(ngram)
        every_row = np.arange(slow.rows)
        where, starts = index.locate(every_row, np.zeros(slow.rows, dtype=np.int64))
        assert list(zip(where.tolist(), starts.tolist(), strict=True)) == [
            slow.locate(row, 0) for row in every_row
        ]

        order = rng.permutation(len(passages)).astype(np.int64)
        offsets, contents = index.extract(order)
        assert [contents[offsets[i] : offsets[i + 1]].tolist() for i in range(len(order))] == [
            passages[passage] for passage in order
        ]

        for k in (1, 4, 40):
            best, best_ranges = index.allowed_top(log_probs, ranges, k)
            for i, pair in enumerate(ranges):
                allowed = slow.allowed_top(log_probs[i], *pair, k)
                count = len(allowed)
                assert (
                    list(zip(best[i, :count].tolist(), as_pairs(best_ranges[i, :count]), strict=True))
                    == allowed
                )
                assert (best[i, count:] == -1).all() and (best_ranges[i, count:] == 0).all()


@pytest.mark.parametrize("used", [254, 255, 65_534, 65_535, 70_000])
def test_symbols_of_one_two_and_three_bytes(used: int) -> None:
    """At the borders of what fits 1 and 2 bytes, every token is found where it stands."""
    rng = np.random.default_rng(used)
    tokens = (
        rng.permutation(np.concatenate([np.arange(used), rng.integers(0, used, 5_000)])).astype(np.uint32) * 2
    )
    lengths = np.array([1, len(tokens) - 2, 0, 1])
    index = FmIndex.build(tokens, lengths, 2 * used, locate_every=5)
    _, contents = index.extract([0, 1, 2, 3])
    np.testing.assert_array_equal(contents, tokens)
    some = rng.integers(1, len(tokens) - 3, 300)
    pairs = [tokens[i : i + 2].tolist() for i in some]
    found = index.find(*ragged(pairs))
    for place, pair, (low, high) in zip(some, pairs, found, strict=True):
        where, starts = index.locate(np.arange(low, high), np.full(high - low, 2))
        assert (where == 1).all() and place - 1 in starts
        assert all(tokens[start + 1 : start + 3].tolist() == pair for start in starts)


@pytest.mark.parametrize("alphabet", [9, 3_000, 100_000])
def test_suffix_arrays_of_64_bits_give_the_same_index(alphabet: int) -> None:
    """What texts beyond 2^31 bytes have."""
    rng = np.random.default_rng(alphabet)
    text = _native.FmText(rng.integers(0, alphabet, 90_000).astype(np.uint32), np.full(900, 100), alphabet)
    suffixes = divsufsort(text.bytes)
    assert suffixes.dtype == np.int32
    wide = text.image(suffixes.astype(np.int64), 3)
    np.testing.assert_array_equal(wide, text.image(suffixes, 3))


def test_a_larger_text_is_listed_asked_and_followed() -> None:
    """Wide ranges, several thousand rows of scores' chunks, batches for several threads."""
    rng = np.random.default_rng(3)
    alphabet = 30_000
    tokens = (rng.zipf(1.2, 200_000) % alphabet).astype(np.uint32)
    lengths = np.full(2_000, 100)
    index = FmIndex.build(tokens, lengths, alphabet, locate_every=4)
    index.threads = 2
    ngram_starts = rng.integers(0, 2_000, 3_000) * 100 + rng.integers(0, 97, 3_000)
    offsets = np.arange(0, 9_001, 3)
    trigrams = np.stack([tokens[ngram_starts + i] for i in range(3)], axis=1)
    ranges = index.find(offsets, trigrams.reshape(-1))
    assert (index.count(ranges) > 0).all()
    rows = np.concatenate([np.arange(low, high) for low, high in ranges])
    of = np.repeat(np.arange(3_000), index.count(ranges))
    passages, starts = index.locate(rows, np.full(len(rows), 3))
    at = passages * 100 + starts
    for i in range(3):
        np.testing.assert_array_equal(tokens[at + i], trigrams[of, i])
    counts = np.bincount(tokens, minlength=alphabet)
    np.testing.assert_array_equal(
        index.count(index.probe(index.everything(), np.arange(alphabet))[0]), counts
    )
    _, contents = index.extract(np.arange(2_000))
    np.testing.assert_array_equal(contents, tokens)

    firsts = np.argsort(-counts)[[0, 1, 5, 50, 500]]
    wide = [
        index.everything()[0],
        index.beginnings()[0],
        *index.extend(np.repeat(index.everything(), 5, 0), firsts),
    ]
    before = np.concatenate([[-1], tokens[:-1]])
    inside = np.arange(len(tokens)) % 100 != 0
    after = [counts, np.bincount(tokens[::100], minlength=alphabet)]
    after += [np.bincount(tokens[inside & (before == first)], minlength=alphabet) for first in firsts]
    listed_offsets, listed, longer = index.continuations(wide)
    # Scores that favour what occurs, what does not, and neither.
    for favour in (+20.0, -20.0, 0.0):
        scores = rng.normal(size=(len(wide), alphabet + 40)).astype(np.float32)
        for i, row in enumerate(after):
            scores[i, :alphabet] += favour * (row > 0)
        best, best_ranges = index.allowed_top(scores, wide, 25)
        for i, row in enumerate(after):
            allowed = np.flatnonzero(row)
            here = slice(listed_offsets[i], listed_offsets[i + 1])
            np.testing.assert_array_equal(np.sort(listed[here]), allowed)
            np.testing.assert_array_equal(index.count(longer[here]), row[listed[here]])
            expected = allowed[np.lexsort((allowed, -scores[i, allowed]))][:25]
            np.testing.assert_array_equal(best[i, : len(expected)], expected)
            np.testing.assert_array_equal(index.count(best_ranges[i])[: len(expected)], row[expected])


def test_scores_of_infinity_and_not_a_number_are_ordered() -> None:
    index = FmIndex.build([0, 1, 2, 3, 4], [5], 5)
    scores = np.array([[np.nan, -np.inf, 1.0, -0.0, 0.0]], dtype=np.float32)
    best, _ = index.allowed_top(scores, index.everything(), 5)
    assert best.tolist() == [[2, 3, 4, 1, 0]]


def test_one_index_answers_many_threads() -> None:
    rng = np.random.default_rng(5)
    tokens = rng.integers(0, 50, 20_000).astype(np.uint32)
    index = FmIndex.build(tokens, np.full(200, 100), 50)
    expected = index.continuations(index.probe(index.everything(), np.arange(50))[0])
    wrong: list[int] = []

    def ask(number: int) -> None:
        for _ in range(20):
            ranges = index.probe(index.everything(), np.arange(50))[0]
            _, contents = index.extract(np.arange(200))
            if not np.array_equal(contents, tokens):
                wrong.append(number)
            if not all(
                np.array_equal(a, b) for a, b in zip(index.continuations(ranges), expected, strict=True)
            ):
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_instruction_sets_agree_on_a_larger_text() -> None:
    rng = np.random.default_rng(11)
    tokens = (rng.zipf(1.2, 60_000) % 20_000).astype(np.uint32)
    image = build_image(tokens, np.full(600, 100), 20_000, locate_every=5)
    singles = rng.integers(602, 60_000, (997, 1))
    ranges = np.concatenate([np.hstack([singles, singles + width]) for width in (1, 2, 3, 100, 511)])
    rows = rng.integers(0, len(tokens) + 602, 5_000)
    seen = []
    for allowed, portable in ((True, False), (False, False), (False, True)):
        _native.allow_avx512(allowed)
        index = _native.FmIndex(image)
        offsets, listed, longer = index.continuations(ranges, 1, portable)
        of = np.repeat(np.arange(len(ranges)), np.diff(offsets))
        order = np.lexsort((listed, of))
        located = index.locate(rows, np.zeros(len(rows), np.int64), 1, portable)
        extracted = index.extract(np.arange(600), 1, portable)
        seen.append([offsets, listed[order], longer[order], *located, *extracted])
    _native.allow_avx512(True)
    for other in seen[1:]:
        for mine, theirs in zip(seen[0], other, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(seen[0][-1], tokens)


class TestKnownMistakes:
    """What the notes say the public index gets wrong, as far as the index is concerned."""

    PASSAGES = ([7, 8, 9], [7, 1], [2], [7, 8])

    def index(self) -> FmIndex:
        tokens = [token for passage in self.PASSAGES for token in passage]
        return FmIndex.build(tokens, [len(passage) for passage in self.PASSAGES], 10, locate_every=2)

    def test_the_last_passages_beginning_is_found(self) -> None:
        index = self.index()
        starting = index.probe(index.beginnings(), [7, 2, 1])[0]
        assert index.count(starting).tolist() == [3, 1, 0]
        rows = np.arange(*index.extend(starting[:1], [8])[0])
        passages, starts = index.locate(rows, np.full(len(rows), 2))
        assert sorted(zip(passages.tolist(), starts.tolist(), strict=True)) == [(0, 0), (3, 0)]

    def test_a_match_covers_the_tokens_from_its_start(self) -> None:
        index = self.index()
        rows = np.arange(*index.find([0, 2], [8, 9])[0])
        passages, starts = index.locate(rows, [2])
        assert (passages[0], starts[0]) == (0, 1)
        assert self.PASSAGES[0][starts[0] : starts[0] + 2] == [8, 9]

    def test_the_end_of_a_passage_is_no_continuation_and_no_filler(self) -> None:
        index = self.index()
        ended = index.find([0, 1, 3], [9, 7, 1])
        assert index.count(ended).tolist() == [1, 1]
        offsets, _, _ = index.continuations(ended)
        assert offsets.tolist() == [0, 0, 0]
        best, ranges = index.allowed_top(np.zeros((2, 10), np.float32), ended, 3)
        assert (best == -1).all() and (ranges == 0).all()

    def test_no_ngram_runs_over_a_passages_end(self) -> None:
        assert self.index().count(self.index().find([0, 2, 4], [9, 7, 1, 2])).tolist() == [0, 0]

    def test_ranges_carried_along_are_the_ranges_from_scratch(self) -> None:
        index = self.index()
        carried = index.everything()
        for length, token in enumerate([7, 8, 9], start=1):
            carried = index.extend(carried, [token])
            assert as_pairs(carried) == as_pairs(index.find([0, length], [7, 8, 9][:length]))


@pytest.fixture
def small() -> FmIndex:
    return FmIndex.build([3, 4, 3], [2, 1], 6)


class TestBadInput:
    @pytest.mark.parametrize("ranges", [[[-1, 2]], [[3, 2]], [[0, 8]], [0, 2], [[0, 1, 2]], [[0.0, 1.0]]])
    def test_ranges(self, small: FmIndex, ranges: list[object]) -> None:
        for ask in (
            lambda: small.extend(ranges, [3]),  # type: ignore[arg-type]
            lambda: small.continuations(ranges),  # type: ignore[arg-type]
            lambda: small.probe(ranges, [3]),  # type: ignore[arg-type]
            lambda: small.allowed_top(np.zeros((1, 6), np.float32), ranges, 1),  # type: ignore[arg-type]
        ):
            with pytest.raises(InvalidInput):
                ask()

    def test_shapes_and_types(self, small: FmIndex) -> None:
        everything = small.everything()
        for ask in (
            lambda: small.extend(everything, [3, 4]),
            lambda: small.extend(everything, [-1]),
            lambda: small.extend(everything, [2**32]),
            lambda: small.extend(everything, [0.5]),
            lambda: small.extend(everything, [[3]]),
            lambda: small.find([[0, 1]], [3]),
            lambda: small.locate([[1]], [1]),
            lambda: small.extract([[0]]),
            lambda: small.probe(everything, [[3], [4]]),
            lambda: small.probe(everything, [[[3]]]),
            lambda: small.find([], [3]),
            lambda: small.find([0, 2], [3]),
            lambda: small.find([1, 0], [3]),
            lambda: small.locate([7], [1]),
            lambda: small.locate([-1], [1]),
            lambda: small.locate([1, 2], [1]),
            lambda: small.locate([4], [3]),
            lambda: small.locate([4], [-1]),
            lambda: small.locate([0], [1]),
            lambda: small.extract([2]),
            lambda: small.extract([-1]),
            lambda: small.allowed_top(np.zeros((2, 6), np.float32), everything, 1),
            lambda: small.allowed_top(np.zeros((1, 6)), everything, 1),
            lambda: small.allowed_top(np.zeros(6, np.float32), everything, 1),
            lambda: small.allowed_top(np.zeros((1, 6), np.float32), everything, 0),
            lambda: small.allowed_top(np.zeros((1, 6), np.float32), everything, 2**62),
        ):
            with pytest.raises(InvalidInput):
                ask()

    def test_builds(self) -> None:
        for tokens, lengths, alphabet in (
            ([1, 2], [1], 5),
            ([1, 2], [3], 5),
            ([1, 2], [-1, 3], 5),
            ([1, 5], [2], 5),
            ([1, -1], [2], 5),
            ([1.5, 2], [2], 5),
            ([[1, 2]], [2], 5),
            ([1, 2], [[2]], 5),
            ([], [], -1),
            ([], [], 2**25),
        ):
            with pytest.raises(InvalidInput):
                build_image(tokens, lengths, alphabet)
        with pytest.raises(InvalidInput):
            build_image([1], [1], 2, locate_every=0)
        with pytest.raises(InvalidInput):
            FmIndex(build_image([1], [1], 2), threads=0)

    def test_an_array_that_is_no_suffix_array(self) -> None:
        text = _native.FmText(np.array([3, 4, 3], np.uint32), np.array([2, 1]), 6)
        for wrong in (
            np.zeros(7, np.int32),
            np.zeros(3, np.int32),
            np.full(7, 9, np.int64),
            np.full(7, -1, np.int32),
        ):
            with pytest.raises(ValueError, match="suffix array"):
                text.image(wrong, 1)

    def test_scores_that_do_not_lie_together(self, small: FmIndex) -> None:
        scores = np.asfortranarray(np.arange(12, dtype=np.float32).reshape(2, 6))
        best, _ = small.allowed_top(scores, np.repeat(small.everything(), 2, 0), 2)
        assert best.tolist() == [[4, 3], [4, 3]]
