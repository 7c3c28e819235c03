"""Short texts: real questions, the same about something else, and pieces of passages."""

from __future__ import annotations

import random

import numpy as np
import pytest
from numpy import int32
from numpy.typing import NDArray

from skerry.retrieval.embedding.training.short_texts import ShortTextSource

FIRST, LAST = 1, 2
OFTEN = (10, 11)


def text(*ids: int) -> NDArray[int32]:
    return np.array([FIRST, *ids, LAST], int32)


QUESTIONS = [text(10, 20 + n, 11) for n in range(5)]
TEXTS = [text(10, 100 + 2 * n, 101 + 2 * n, 11) for n in range(200)]


@pytest.fixture
def source() -> ShortTextSource:
    return ShortTextSource(QUESTIONS, TEXTS, 0.25, 8)


def test_their_shares(source: ShortTextSource) -> None:
    drawn = source.draw(40, random.Random(0))
    assert len(drawn.tokens) == 40 and len(drawn.questions) == 20
    for number, tokens in zip(drawn.questions, drawn.tokens, strict=False):
        assert tokens is QUESTIONS[number]
    again = source.draw(40, random.Random(0))
    assert all(np.array_equal(one, other) for one, other in zip(drawn.tokens, again.tokens, strict=True))
    assert source.draw(40, random.Random(1)).questions != drawn.questions


def test_another_subject_in_the_same_question(source: ShortTextSource) -> None:
    for tokens in source.draw(40, random.Random(0)).tokens[20:30]:
        assert (tokens[0], tokens[1], tokens[-1]) == (FIRST, 10, LAST)
        assert tokens[2] >= 100  # a rare token of a text in the place of the question's own
        assert len(tokens) <= 8


def test_pieces_are_runs_of_the_texts(source: ShortTextSource) -> None:
    stream = np.concatenate([ids[1:-1] for ids in TEXTS]).tolist()
    for tokens in source.draw(40, random.Random(0)).tokens[30:]:
        assert (tokens[0], tokens[-1]) == (FIRST, LAST)
        piece = tokens[1:-1].tolist()
        assert 5 <= len(piece) <= 22
        assert any(stream[start : start + len(piece)] == piece for start in range(len(stream)))


def test_a_question_without_a_rare_word_stays(source: ShortTextSource) -> None:
    plain = ShortTextSource([text(10, 11)], TEXTS, 0.25, 8).draw(8, random.Random(0))
    assert all(tokens.tolist() == [FIRST, 10, 11, LAST] for tokens in plain.tokens[:6])
