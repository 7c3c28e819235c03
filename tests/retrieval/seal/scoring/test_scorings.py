"""The scorings: by hand on five passages, and against slow versions on random corpora."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.core.errors import InvalidInput, NotFound
from skerry.retrieval.seal.decoding.key import Key
from skerry.retrieval.seal.scoring import SCORINGS, Corpus, Keys, Scored, ScoringOptions
from skerry.retrieval.seal.scoring.weight import key_weights

from .conftest import BruteIndex, keys_of, odds

NO_STEP = np.full(12, -np.inf, np.float32)
PAPER = ScoringOptions()
Row = tuple[Sequence[int], float, str]


def score(
    name: str,
    corpus: Corpus,
    rows: Sequence[Row],
    step: np.ndarray = NO_STEP,
    options: ScoringOptions = PAPER,
    matches: int = 100,
    within: Sequence[int] | None = None,
) -> Scored:
    return SCORINGS.load(name)(
        keys_of(corpus.index, rows),  # type: ignore[arg-type]
        step,
        corpus,
        options,
        matches=matches,
        within=None if within is None else np.array(within, np.int64),
    )


def ranking(scored: Scored) -> dict[int, float]:
    return dict(zip(scored.passages.tolist(), scored.scores.tolist(), strict=True))


def parts(scored: Scored, rank: int) -> list[tuple[int, int, int, int, float]]:
    return [(m.key, m.start, m.stop, m.count, pytest.approx(m.contribution)) for m in scored.matches.of(rank)]


# The corpus: 0: 1 2 0 3 4 5 6   1: 1 2 0 4 5 7 3   2: 8 0 3 4 9 3 4 5   3: 2 0 10   4: 2 0 6 5 4    N = 30
ROWS: list[Row] = [
    ([3, 4, 5], -1.0, "body"),  # 0 at 3, 2 at 5
    ([4, 5], -0.5, "body"),  # 0 at 4, 1 at 3, 2 at 6
    ([3, 4], -2.0, "query"),  # 0 at 3, 2 at 2 and 5
    ([1, 2, 0], -0.7, "title"),  # 0 and 1
    ([2, 0], -0.9, "title"),  # begins 3 and 4; stands in 0 and 1 too
]


def test_lm_by_hand(small: Corpus) -> None:
    scored = score("lm", small, ROWS)
    assert scored.passages.tolist() == [0, 1, 2, 3, 4]
    assert scored.scores.tolist() == [-0.5, -0.5, -0.5, -0.9, -0.9]
    assert parts(scored, 2) == [(1, 6, 8, 3, -0.5)]
    assert parts(scored, 3) == [(4, 0, 2, 2, -0.9)]
    assert scored.matches.of(2)[0].tokens == (4, 5)
    rarer = score("lm", small, ROWS, options=ScoringOptions(max_count=2))
    assert ranking(rarer) == {0: -0.7, 1: -0.7, 3: -0.9, 4: -0.9, 2: -1.0}


def test_lm_fm_by_hand(small: Corpus) -> None:
    pair, long_title, title, triple = [odds(*at, 30) for at in ((-0.5, 3), (-0.7, 2), (-0.9, 2), (-1.0, 2))]
    assert pair > long_title > title > triple
    scored = score("lm_fm", small, ROWS)
    assert ranking(scored) == pytest.approx({0: pair, 1: pair, 2: pair, 3: title, 4: title})
    unlikely = score("lm_fm", small, [([4, 5], -8.0, "body"), ([2, 0], -0.9, "title")])
    assert unlikely.passages.tolist() == [3, 4]  # a key that the corpus makes likelier is worth nothing


def test_intersective_by_hand(small: Corpus) -> None:
    w = [odds(s, f, 30) ** 2 for s, f in ((-1.0, 2), (-0.5, 3), (-2.0, 3), (-0.7, 2), (-0.9, 2))]
    assert w[2] == 0  # P = 0.135 is less than 8 in 35: no key at all
    assert w[1] > w[3] > w[4] > w[0] > 0
    scored = score("intersective", small, ROWS)
    expected = {0: w[1] + w[3], 1: w[1] + w[3], 2: w[1], 3: w[4], 4: w[4]}
    assert ranking(scored) == pytest.approx(expected)
    # Of passage 0: (4 5) at 4 first, so (3 4 5) at 3 is out; the title (2 0) does not begin it.
    assert parts(scored, 0) == [(1, 4, 6, 3, w[1]), (3, 0, 3, 2, w[3])]
    assert [match.tokens for match in scored.matches.of(0)] == [(4, 5), (1, 2, 0)]
    assert scored.passages.tolist() == [0, 1, 2, 3, 4]


def test_intersective_with_unigrams_by_hand(small: Corpus) -> None:
    p = np.full(12, 1e-9)
    p[[5, 7, 6, 10, 2]] = [0.2, 0.3, 0.25, 0.15, 0.1]
    step = np.log(p).astype(np.float32)
    pair, single = odds(-0.5, 3, 30) ** 2, odds(-0.4, 2, 30)
    u = {
        token: odds(math.log(p[token]), count, 30)
        for token, count in ((5, 4), (7, 1), (6, 2), (10, 1), (2, 4))
    }
    assert u[5] == u[2] == u[10] == 0
    assert u[7] > u[6] > 0
    rows: list[Row] = [([4, 5], -0.5, "body"), ([6], -0.4, "query"), ([9], -30.0, "body")]
    scored = score("intersective", small, rows, step)
    # 6 is a key of one token: the better of its two weights, and it finds passage 4.
    assert single > u[6]
    assert ranking(scored) == pytest.approx({0: pair + single, 1: pair + u[7], 2: pair, 4: single})
    assert parts(scored, 0) == [(0, 4, 6, 3, pair), (1, 6, 7, 2, single)]
    assert parts(scored, 1) == [(0, 3, 5, 3, pair), (-1, 5, 6, 1, u[7])]
    assert scored.matches.of(1)[1].tokens == (7,)
    # A unigram at a place of its own, whose token a key has: b of it is lost.
    rows = [([3, 4], -0.3, "body")]
    p[3] = 0.9
    scored = score("intersective", small, rows, np.log(p).astype(np.float32))
    w3 = odds(math.log(0.9), 4, 30)
    key = odds(-0.3, 3, 30) ** 2
    assert ranking(scored) == pytest.approx({0: key + u[6], 2: key + 0.2 * w3})
    assert parts(scored, scored.passages.tolist().index(2)) == [(0, 2, 4, 3, key), (-1, 5, 6, 4, 0.2 * w3)]


def test_common_keys_count_only_where_others_lead(small: Corpus) -> None:
    rows: list[Row] = [([4, 5], -0.5, "body"), ([1, 2, 0], -0.7, "title")]
    scored = score("intersective", small, rows, options=ScoringOptions(max_count=2))
    both = odds(-0.5, 3, 30) ** 2 + odds(-0.7, 2, 30) ** 2
    assert ranking(scored) == pytest.approx({0: both, 1: both})


def test_candidates_are_cut_after_the_first_stage(small: Corpus) -> None:
    p = np.full(12, 1e-9)
    p[10] = 0.99
    step = np.log(p).astype(np.float32)
    rows: list[Row] = [([2, 0], -0.9, "body"), ([6], -0.4, "body")]
    every = score("intersective", small, rows, step)
    assert every.passages.tolist()[0] == 3  # for its 10, which the first stage does not see
    cut = score("intersective", small, rows, step, ScoringOptions(candidates=2))
    assert sorted(cut.passages.tolist()) == [0, 4]
    for name in ("lm", "lm_fm"):
        assert len(score(name, small, rows, step, ScoringOptions(candidates=2)).passages) == 2


def test_a_key_found_twice_has_its_better_score(small: Corpus) -> None:
    once = score("intersective", small, [([4, 5], -0.5, "query")])
    for rows in (
        [([4, 5], -0.8, "body"), ([4, 5], -0.5, "query")],
        [([4, 5], -0.5, "query"), ([4, 5], -0.8, "body")],
    ):
        for name in SCORINGS:
            scored = score(name, small, rows)
            assert len(scored.matches) == 3
            assert {match.key for i in range(3) for match in scored.matches.of(i)} == {
                rows.index(([4, 5], -0.5, "query"))
            }
        assert ranking(score("intersective", small, rows)) == ranking(once)


def test_keys_inside_of_keys_are_keys(small: Corpus) -> None:
    rows: list[Row] = [([3, 4, 5], -0.3, "body"), ([3, 4], -0.9, "body")]
    scored = score("intersective", small, rows)
    long, short = odds(-0.3, 2, 30) ** 2, odds(-0.9, 3, 30) ** 2
    assert ranking(scored) == pytest.approx({0: long, 2: long + 0.2 * short})
    assert parts(scored, 0) == [(0, 5, 8, 2, long), (1, 2, 4, 3, 0.2 * short)]


def test_within(small: Corpus) -> None:
    for name in SCORINGS:
        every = ranking(score(name, small, ROWS))
        for within in ([], [2], [0, 3], [1, 2, 4], [0, 1, 2, 3, 4]):
            scored = score(name, small, ROWS, within=within, options=ScoringOptions(candidates=5))
            assert ranking(scored) == {p: s for p, s in every.items() if p in within}
    # Not: search, then filter.
    scored = score("intersective", small, ROWS, within=[4], options=ScoringOptions(candidates=1))
    assert scored.passages.tolist() == [4]


def test_matches_are_of_the_best(small: Corpus) -> None:
    for name in SCORINGS:
        every = score(name, small, ROWS)
        for most in (0, 1, 3, 9):
            scored = score(name, small, ROWS, matches=most)
            assert ranking(scored) == ranking(every)
            assert len(scored.matches) == min(most, 5)
            for rank in range(len(scored.matches)):
                assert scored.matches.of(rank) == every.matches.of(rank)
                worth = sum(match.contribution for match in scored.matches.of(rank))
                assert worth == pytest.approx(scored.scores[rank])


def test_no_keys_and_no_corpus(small: Corpus) -> None:
    for name in SCORINGS:
        for corpus in (small, Corpus(BruteIndex([], 12)), Corpus(BruteIndex([[], []], 12))):
            scored = score(name, corpus, [])
            assert len(scored.passages) == len(scored.scores) == len(scored.matches) == 0
        assert len(score(name, small, [([11, 11], -1.0, "body")]).passages) == 0  # it does not occur


def test_keys_from_decoding(small: Corpus) -> None:
    index = small.index
    assert isinstance(index, BruteIndex)
    low, high = index.find([4, 5])
    keys = Keys.of(
        [
            Key((4, 5), -0.5, low, high, "body"),
            Key((2, 0), -0.9, *index.find([2, 0], at_beginning=True), "title"),
        ]
    )
    expected = keys_of(index, [([4, 5], -0.5, "body"), ([2, 0], -0.9, "title")])
    for name in ("offsets", "tokens", "log_probs", "ranges", "kinds"):
        np.testing.assert_array_equal(getattr(keys, name), getattr(expected, name))
    assert keys.counts.tolist() == [3, 2]
    assert len(Keys.of([])) == 0


def test_bad_input(small: Corpus) -> None:
    keys = keys_of(small.index, [([4, 5], -0.5, "body")])  # type: ignore[arg-type]
    for change in (
        {"log_probs": np.array([0.5])},
        {"log_probs": np.array([np.nan])},
        {"log_probs": np.zeros(2)},
        {"kinds": np.array([3], np.uint8)},
        {"offsets": np.array([0, 0]), "tokens": np.zeros(0, np.uint32)},
        {"offsets": np.array([0, 1])},
        {"offsets": np.array([1, 2])},
        {"ranges": np.zeros((1, 3), np.int64)},
    ):
        with pytest.raises(InvalidInput):
            replace(keys, **change)  # type: ignore[arg-type]
    foreign = replace(keys, tokens=np.array([4, 12], np.uint32))
    for name in SCORINGS:
        with pytest.raises(InvalidInput, match="token 12"):
            SCORINGS.load(name)(foreign, NO_STEP, small, PAPER)
    for step in (np.full(12, np.nan, np.float32), np.zeros((1, 12), np.float32)):
        with pytest.raises(InvalidInput, match="first step"):
            SCORINGS.load("intersective")(keys, step, small, PAPER)
    with pytest.raises(NotFound, match="intersective, lm, lm_fm"):
        SCORINGS.load("best")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("max_count", [0, -1, 1.5, True, "1"]),
        ("candidates", [0, -1, 1.5, True]),
        ("unigrams", [-1, 0.5]),
        ("repetition", [-0.1, 1.1, math.nan, True, "b"]),
        ("power", [0, -1, math.inf, math.nan]),
        ("smoothing", [0, -1, math.inf]),
        ("title_factor", [-1, math.inf, math.nan]),
        ("query_factor", [-1, None]),
        ("unigram_factor", [-1, math.nan]),
    ],
)
def test_bad_options(name: str, values: list[object]) -> None:
    for value in values:
        with pytest.raises(InvalidInput, match=name):
            ScoringOptions(**{name: value})  # type: ignore[arg-type]


@st.composite
def cases(draw: st.DrawFn) -> tuple[Corpus, list[Row], np.ndarray, ScoringOptions]:
    alphabet = draw(st.integers(1, 6))
    token = st.integers(0, alphabet - 1)
    passages = draw(st.lists(st.lists(token, max_size=25), max_size=8))
    index = BruteIndex(passages, alphabet)
    log_prob = st.floats(-6, 0)
    kind = st.sampled_from(["body", "title", "query"])
    gram = st.lists(token, min_size=1, max_size=5)
    rows = draw(st.lists(st.tuples(gram, log_prob, kind), max_size=12))
    rows = [row for row in rows if len(set(index.find(row[0], at_beginning=row[2] == "title"))) > 1]
    step = np.log(
        np.array(draw(st.lists(st.floats(1e-6, 1), min_size=alphabet, max_size=alphabet)), np.float32)
    )
    options = ScoringOptions(
        max_count=draw(st.integers(1, 20)),
        candidates=draw(st.integers(1, 8)),
        unigrams=draw(st.sampled_from([0, 6])),
        repetition=draw(st.sampled_from([0.0, 0.8, 1.0])),
        power=draw(st.sampled_from([1.0, 2.0])),
        title_factor=draw(st.sampled_from([0.0, 1.0, 3.0])),
        unigram_factor=draw(st.sampled_from([0.0, 1.0])),
        length_share=draw(st.sampled_from([0.0, 0.4, 1.0])),
    )
    return Corpus(index), rows, step, options


def slow_intersective(
    index: BruteIndex, rows: list[Row], step: np.ndarray, options: ScoringOptions
) -> dict[int, float]:
    n = index.tokens
    best: dict[tuple[int, ...], tuple[float, bool, int]] = {}
    for tokens, log_prob, kind in rows:
        low, high = index.find(tokens, at_beginning=kind == "title")
        w = odds(min(log_prob, -1e-6), high - low, n)
        factor = options.title_factor if kind == "title" else 1.0
        w = w * options.unigram_factor if len(tokens) == 1 else w**options.power * factor
        if w > best.get(tuple(tokens), (0.0, False, 0))[0]:
            best[tuple(tokens)] = (w, kind == "title", high - low)
    order = sorted(best, key=lambda key: -best[key][0])

    def cover(key: tuple[int, ...], types: set[int]) -> float:
        distinct = set(key)
        return 1 - options.repetition + options.repetition * len(distinct - types) / len(distinct)

    def greedy(passage: list[int], keys: list[tuple[int, ...]]) -> tuple[float, set[int], set[int]]:
        total, covered, types = 0.0, set[int](), set[int]()
        for key in keys:
            for start in range(1 if best[key][1] else len(passage)):
                span = set(range(start, start + len(key)))
                if tuple(passage[start : start + len(key)]) == key and not span & covered:
                    total += best[key][0] * cover(key, types)
                    covered |= span
                    types |= set(key)
                    break
        return total, covered, types

    rare = [key for key in order if best[key][2] <= options.max_count]
    first = {p: greedy(passage, rare)[0] for p, passage in enumerate(index.texts)}
    kept = sorted((p for p in first if first[p] > 0), key=lambda p: (-first[p], p))[: options.candidates]
    bag: dict[int, float] = {}
    if options.unigrams:
        for token in range(index.alphabet):
            low, high = index.find([token])
            bag[token] = odds(min(float(step[token]), -1e-6), high - low, n) * options.unigram_factor
    for key in order:
        if len(key) == 1:
            bag[key[0]] = max(bag.get(key[0], 0.0), best[key][0])
    scores = {}
    for p in kept:
        passage = index.texts[p]
        total, covered, types = greedy(passage, [key for key in order if len(key) > 1])
        for token in {token for at, token in enumerate(passage) if at not in covered}:
            total += bag.get(token, 0.0) * cover((token,), types)
        mean = n / len(index.texts)
        scores[p] = total / (1 - options.length_share + options.length_share * len(passage) / mean)
    return scores


def distinct_worths(corpus: Corpus, rows: list[Row], options: ScoringOptions) -> bool:
    """Keys of equal worth may be taken in either order, and passages of nearly equal score be cut."""
    worths = np.sort(key_weights(keys_of(corpus.index, rows), corpus.index.tokens, options))  # type: ignore[arg-type]
    worths = worths[worths > 0]
    return bool((np.diff(worths) > 1e-6).all())


@settings(max_examples=300, deadline=None)
@given(cases())
def test_intersective_is_as_defined(case: tuple[Corpus, list[Row], np.ndarray, ScoringOptions]) -> None:
    corpus, rows, step, options = case
    index = corpus.index
    assert isinstance(index, BruteIndex)
    if not distinct_worths(corpus, rows, options):
        return
    expected = slow_intersective(index, rows, step, options)
    scored = score("intersective", corpus, rows, step, options)
    assert ranking(scored) == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert (np.diff(scored.scores) <= 0).all()
    for rank, passage in enumerate(scored.passages.tolist()):
        found = scored.matches.of(rank)
        assert sum(match.contribution for match in found) == pytest.approx(scored.scores[rank])
        assert [m.contribution for m in found] == sorted((m.contribution for m in found), reverse=True)
        places = [at for match in found for at in range(match.start, match.stop)]
        assert len(places) == len(set(places))
        for match in found:
            assert tuple(index.texts[passage][match.start : match.stop]) == match.tokens
            if match.key >= 0:
                tokens, _, kind = rows[match.key]
                assert match.tokens == tuple(tokens)
                low, high = index.find(tokens, at_beginning=kind == "title" and len(tokens) > 1)
            else:
                low, high = index.find(match.tokens)
            assert match.count == high - low


@pytest.mark.parametrize("name", ["lm", "lm_fm"])
def test_a_title_does_not_stand_for_the_ngram_of_its_tokens(name: str) -> None:
    corpus = Corpus(BruteIndex([[1, 2, 5], [4, 1, 2], [3, 3, 3]], 6))
    rows = [([1, 2], -0.5, "title"), ([1, 2], -0.5, "body")]
    assert sorted(score(name, corpus, rows).passages.tolist()) == [0, 1]


@settings(max_examples=200, deadline=None)
@given(cases(), st.sampled_from(["lm", "lm_fm"]))
def test_single_best_is_as_defined(
    case: tuple[Corpus, list[Row], np.ndarray, ScoringOptions], name: str
) -> None:
    corpus, rows, step, options = case
    index = corpus.index
    assert isinstance(index, BruteIndex)
    expected: dict[int, float] = {}
    for tokens, log_prob, kind in rows:
        low, high = index.find(tokens, at_beginning=kind == "title")
        worth = log_prob if name == "lm" else odds(min(log_prob, -1e-6), high - low, index.tokens)
        if high - low > options.max_count or (name == "lm_fm" and worth <= 0):
            continue
        for p, _ in index.rows[low:high]:
            expected[p] = max(expected.get(p, -math.inf), worth)
    best = sorted(expected, key=lambda p: (-expected[p], p))[: options.candidates]
    scored = score(name, corpus, rows, step, options)
    assert scored.scores.tolist() == pytest.approx([expected[p] for p in best])
    assert ranking(scored) == pytest.approx({p: expected[p] for p in scored.passages.tolist()})
