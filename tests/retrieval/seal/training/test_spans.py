"""Where training n-grams start."""

from __future__ import annotations

import numpy as np
import pytest

from skerry.retrieval.seal.training.spans import start_probabilities

WORDS = "In 1876 the telephone was patented by Bell , a teacher of the deaf .".split()  # noqa: SIM905


def test_starts_are_a_distribution_over_words_that_say_something() -> None:
    found = start_probabilities("Who patented the telephone?", WORDS)
    assert found.sum() == pytest.approx(1)
    silent = {
        place
        for place, word in enumerate(WORDS)
        if word.lower() in {"in", "the", "was", "by", ",", "a", "of", "."}
    }
    assert {int(place) for place in np.flatnonzero(found == 0)} == silent


def test_a_start_from_which_the_question_is_met_is_likelier() -> None:
    found = start_probabilities("Who patented the telephone?", WORDS)
    assert found.argmax() == WORDS.index("telephone")
    assert found[WORDS.index("1876")] > found[WORDS.index("teacher")]


def test_words_match_by_their_first_letters_whatever_their_case_and_punctuation() -> None:
    plain = start_probabilities("patents", ["Bell", "Patented", "it"])
    assert plain[1] > plain[0]
    assert start_probabilities("“Bell”?", ["(Bell)", "tower"])[0] > 0.7


def test_overlap_by_hand() -> None:
    """Two words, the second asked for: exp(1.5 * .85) against exp(1.5)."""
    first, second = start_probabilities("telephone", ["old", "telephone"])
    assert first / second == pytest.approx(np.exp(1.5 * 0.85 - 1.5))


def test_hidden_words_neither_start_nor_draw() -> None:
    found = start_probabilities("patented by Bell", WORDS, hidden=(5, 8))
    assert not found[4:8].any()
    assert found[1] == found[3] == found[10]


def test_a_passage_without_content_has_no_start() -> None:
    assert not start_probabilities("x", ["the", ",", "of"]).any()
    assert len(start_probabilities("x", [])) == 0
