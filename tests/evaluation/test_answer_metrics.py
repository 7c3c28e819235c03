"""EM, F1, ROUGE-L and accuracy: values worked out by hand, and ROUGE-L against a slow version."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.evaluation.accuracy import accuracy
from skerry.evaluation.answers import best, gold_answers, normalise
from skerry.evaluation.exact_match import exact_match
from skerry.evaluation.f1 import f1
from skerry.evaluation.gold import Output
from skerry.evaluation.rouge_l import common_words, rouge_l


@pytest.mark.parametrize(
    ("answer", "normal"),
    [
        ("The  Cat's\tpaw!", "cats paw"),
        ("An A the a", ""),
        ("theatre and anthem", "theatre and anthem"),
        ("U.S.A.", "usa"),
        ("a-b", "ab"),
        ("«Été» – 3½", "«été» – 3½"),
        ("", ""),
    ],
)
def test_normalise(answer: str, normal: str) -> None:
    assert normalise(answer) == normal


def test_exact_match() -> None:
    assert exact_match("The Eiffel Tower.", "eiffel tower") == 1
    assert exact_match("Eiffel", "Eiffel Tower") == 0
    assert exact_match("the", "a") == 1


def test_accuracy() -> None:
    assert accuracy(" Paris ", "Paris") == 1
    assert accuracy("paris", "Paris") == 0


def test_f1() -> None:
    assert f1("the red fox", "red fox") == 1
    assert f1("red red fox", "red dog") == pytest.approx(2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2))
    assert f1("it was suicide", "suicide") == 0.5
    assert f1("cat", "dog") == 0
    assert f1("the", "a") == 0


def test_best_takes_the_highest() -> None:
    assert best(f1, "red fox", ["dog", "red dog", "fox"]) == pytest.approx(2 / 3)


def test_gold_answers_leaves_blank_ones_out() -> None:
    outputs = [Output(answer, None) for answer in (" a ", "a", "", "  ", None, "b")]
    assert gold_answers(outputs) == {"a", "b"}


@pytest.mark.parametrize(
    ("prediction", "gold", "score"),
    [
        ("suicide", "suicide", 0.999999995),
        # One word of three in common: p = 1/3, r = 1.
        ("it was suicide", "suicide", 2 * (1 / 3) / (4 / 3 + 1e-8)),
        # Case and punctuation count: "Cat," is not "cat".
        ("Cat, dog", "cat dog", 2 * 0.25 / (1 + 1e-8)),
        # Distinct words: "a a a b" has two.
        ("a a a b", "a b", 0.999999995),
        # Order counts within a sentence, but a stop starts a new one and the unions meet.
        ("b a", "a b", 2 * 0.25 / (1 + 1e-8)),
        ("b.a", "a b", 0.999999995),
        ("...", "a", 0),
        ("a", ".", 0),
        ("", "a", 0),
        # A sentence of spaces is one empty word, which both have: 1 of 2 and 1 of 2.
        ("a. .", "b. .", 2 * 0.25 / (1 + 1e-8)),
    ],
)
def test_rouge_l(prediction: str, gold: str, score: float) -> None:
    assert rouge_l(prediction, gold) == score


def test_long_texts_do_not_recurse() -> None:
    words = " ".join(str(i) for i in range(1200))
    assert rouge_l(words, words) == 0.999999995


def longest(gold: tuple[str, ...], other: tuple[str, ...]) -> int:
    """The longest common subsequence's length, by trying all."""
    for size in range(min(len(gold), len(other)), 0, -1):
        if set(combinations(gold, size)) & set(combinations(other, size)):
            return size
    return 0


def walked(gold: tuple[str, ...], other: tuple[str, ...]) -> set[str]:
    """The words of the subsequence that is preferred, by its definition from the end."""

    @cache
    def length(i: int, j: int) -> int:
        if not i or not j:
            return 0
        if gold[i - 1] == other[j - 1]:
            return length(i - 1, j - 1) + 1
        return max(length(i - 1, j), length(i, j - 1))

    def words(i: int, j: int) -> list[str]:
        if not i or not j:
            return []
        if gold[i - 1] == other[j - 1]:
            return [*words(i - 1, j - 1), gold[i - 1]]
        return words(i - 1, j) if length(i - 1, j) > length(i, j - 1) else words(i, j - 1)

    return set(words(len(gold), len(other)))


@settings(max_examples=300, deadline=None)
@given(*[st.lists(st.sampled_from("abcd"), max_size=9).map(tuple)] * 2)
def test_common_words(gold: tuple[str, ...], other: tuple[str, ...]) -> None:
    found = common_words(gold, other)
    assert found == walked(gold, other)
    assert len(found) <= longest(gold, other)
    if len(set(gold)) == len(gold):
        assert len(found) == longest(gold, other)


@settings(deadline=None)
@given(st.text("ab .,\n", max_size=20), st.text("ab .,\n", max_size=20))
def test_scores_are_shares(prediction: str, gold: str) -> None:
    for metric in (exact_match, f1, rouge_l, accuracy):
        assert 0 <= metric(prediction, gold) <= 1
    # ROUGE-L is not: which of several longest subsequences counts depends on the side.
    for metric in (exact_match, f1, accuracy):
        assert metric(prediction, gold) == pytest.approx(metric(gold, prediction))
    assert accuracy(prediction, gold) <= exact_match(prediction, gold)
