"""The splitter: offsets on any text, and the places where English full stops do not end a sentence."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.retrieval.corpus.sentences import split_sentences

_TOKENS = st.sampled_from(
    [
        *(".", "!", "?", "…", "。", "」", '"', "”", ")", "[1]", " ", "\n", "\n\n", "\u00a0", "\t"),
        *("a", "The", "J", "Dr", "U.S", "3", "é", "東", "no", "\u200b", "𝄞", "\r", "\x1c", "\x85"),
    ]
)


def _split(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@given(st.one_of(st.lists(_TOKENS, max_size=60).map("".join), st.text(max_size=60)))
def test_spans_hold_every_character_that_is_not_white_space_once(text: str) -> None:
    spans = split_sentences(text)
    covered = [False] * len(text)
    for start, end in spans:
        assert start < end
        assert text[start:end].strip() == text[start:end]
        for place in range(start, end):
            assert not covered[place]
            covered[place] = True
    assert spans == sorted(spans)
    assert all(text[place].isspace() for place, inside in enumerate(covered) if not inside)


@pytest.mark.parametrize(
    "sentences",
    [
        ["The tide rose.", "It fell again."],
        ["Was it cold?", "Yes!", "Very."],
        ["Dr. Hale and Mrs. Moore met at St. Olave's.", "They talked."],
        ["J. R. R. Tolkien wrote it.", "He was a professor."],
        ["Its area is 3.5 square miles.", "Nobody lives there."],
        ["The U.S. Navy mapped it.", "Then the U.K. followed."],
        ["He lived in the U.S.", "The house still stands."],
        ["See Fig. 4 and Vol. II, No. 7.", "The rest is lost."],
        ["She came on Jan. 5 and left in Dec.", "Nobody minded."],
        ['He said "Go."', "She went."],
        ["(It was late.)", "They slept."],
        ["It is old.[12]", "It is also small."],
        ["It sells soap, e.g. Palm Bay, etc.", "The shop is shut."],
        ["Acme Inc. Limited paid 5 p.m. Eastern rates."],
        ["He waited ... and waited.", "Nothing."],
        ["1. Melt the butter.", "2. Add flour."],
        ["The Yahoo! portal closed.", "It had users."],
        ["World War I.", "The next one was worse."],
        ["“Stop!”", "‘Why?’", "No answer."],
        ["In 1906.", "1907 was dry."],
        ["The case of Milliken v. Bradley is known."],
        ["They met J. A. Hobson there.", "He spoke."],
    ],
)
def test_english(sentences: list[str]) -> None:
    assert _split(" ".join(sentences)) == sentences


def test_east_asian_marks_end_sentences_without_a_space() -> None:
    assert _split("東京は首都です。人口が多い！「はい。」そう言った。") == [
        "東京は首都です。",
        "人口が多い！",
        "「はい。」",
        "そう言った。",
    ]


def test_a_blank_line_ends_a_sentence_and_a_line_break_does_not() -> None:
    assert _split("a line\ngoes on\n\nanother part\n \nthird") == ["a line\ngoes on", "another part", "third"]


@pytest.mark.parametrize(
    "unit", [".", ". ", "A. ", "。", "“”", "a", " ", "\n", "\t\n", "Dr. ", "[1]", '."', ".[", "?. ", "。」"]
)
def test_time_is_linear(unit: str) -> None:
    text = "a." + unit * (200_000 // len(unit)) + "b"
    start = time.perf_counter()
    split_sentences(text)
    assert time.perf_counter() - start < 5
