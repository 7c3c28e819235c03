"""The model's own words: which of them are no answer."""

from __future__ import annotations

import pytest

from skerry.generation.abstention import judge, too_weak
from skerry.generation.base import Source

SOURCES = (
    Source("p#0", "", "In 1844 Alan Stevenson and 0 others came; no Unknown Soldier, no rock, no oil."),
    Source("p#1", "", "The keepers survived. He did marry. The knowledge of the lamp was lost."),
)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        " ",
        "...",
        "I don't know.",
        "I don\u2019t know",
        "I do not know the answer",
        "Unknown",
        "N/A",
        "none",
        "The text does not mention it.",
        "The passage doesn't say who built it.",
        "It is not stated in the text.",
        "Not mentioned",
        "It cannot be determined from the text",
        "There is no information about this.",
        "The date is not explicitly mentioned.",
    ],
)
def test_no_answer(answer: str) -> None:
    assert judge(answer, SOURCES)


@pytest.mark.parametrize(
    "answer",
    [
        "No",
        "0",
        "1844",
        "Alan Stevenson",
        "The Unknown Soldier",
        "None of the keepers survived",
        "the knowledge",
        "nothing but rock",
        "Not until 1844",
        "He did not marry",
        "because oil was not cheap",
    ],
)
def test_an_answer(answer: str) -> None:
    assert judge(answer, SOURCES) == ""


@pytest.mark.parametrize("answer", ["superbowl", "Robert Louis", "the light", "1845"])
def test_an_answer_without_a_word_of_the_sources_is_none(answer: str) -> None:
    assert "No word" in judge(answer, SOURCES)


def test_weak_evidence_names_both_numbers() -> None:
    assert too_weak(0.5, 0.5) == ""
    assert "0.12" in too_weak(0.123, 0.5)
    assert "0.50" in too_weak(0.123, 0.5)
