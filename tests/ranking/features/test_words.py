"""Texts to words."""

from __future__ import annotations

import pytest

from skerry.core.errors import InvalidInput
from skerry.ranking.features.words import first_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \n.,-_ ", []),
        ("The Eiffel-Tower's 330 m", ["the", "eiffel", "tower", "s", "330", "m"]),
        ("snake_case", ["snake", "case"]),
        ("Straße", ["strasse"]),
        ("東京は2つ", ["東", "京", "は", "2", "つ"]),
        ("été naïve", ["été", "naïve"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert first_words(text, 10) == words


def test_no_more_than_asked_for() -> None:
    assert first_words("a b c d", 2) == ["a", "b"]
    assert first_words("word " * 50_000, 3) == ["word"] * 3
    assert len(first_words("x" * 100_000, 3)[0]) == 48


@pytest.mark.parametrize("text", ["\ud800", "a \udfff b"])
def test_invalid_unicode(text: str) -> None:
    with pytest.raises(InvalidInput, match="valid Unicode"):
        first_words(text, 5)
