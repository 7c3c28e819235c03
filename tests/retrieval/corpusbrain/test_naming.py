"""Names of pages: distinct, in order, within their length, whatever the titles and the tokenizer are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.core.errors import InvalidInput
from skerry.core.models.store import ModelStore
from skerry.retrieval.corpusbrain import naming
from skerry.retrieval.corpusbrain.naming import Names, name_pages

_UNKNOWN = 1


def encode(texts: Sequence[str]) -> list[list[int]]:
    """A token a character; case does not matter, and what is not ASCII is unknown."""
    return [[ord(sign) if sign.isascii() else _UNKNOWN for sign in text.lower()] for text in texts]


def rows(names: Names) -> list[tuple[int, ...]]:
    return [tuple(names[page].tolist()) for page in range(len(names))]


def texts(names: Names) -> list[str]:
    return ["".join(map(chr, row)) for row in rows(names)]


def slow_names(titles: list[str], longest: int) -> list[tuple[int, ...]]:
    """The rule, page by page: first titles keep their tokens, then each other one takes the first free
    number."""
    cut = [tuple(row[:longest]) for row in encode(titles)]
    taken, keeps = set(), []
    for row in cut:
        keeps.append(row not in taken)
        taken.add(row)
    names = []
    for row, keep in zip(cut, keeps, strict=True):
        number = 1
        new = row
        while not keep and new in taken:
            number += 1
            ending = tuple(encode([f" ({number})"])[0])
            new = row[: longest - len(ending)] + ending
        taken.add(new)
        names.append(new)
    return names


_TITLE = st.one_of(
    st.text("aAbß日 ", max_size=9), st.sampled_from(["", "a", "A (2)", "a (2)", "a (3)", "aaaaaaa" * 9])
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_TITLE, max_size=60), st.integers(5, 12))
def test_names_are_those_of_the_slow_rule(titles: list[str], longest: int) -> None:
    names = name_pages(titles, encode, longest)
    assert rows(names) == slow_names(titles, longest)
    assert len(set(rows(names))) == len(titles)
    assert max(map(len, rows(names)), default=0) <= longest
    assert names.tokens.dtype == np.uint32
    assert names.offsets.dtype == np.int64
    assert names.offsets[-1] == len(names.tokens)


def test_equal_titles_are_numbered_and_a_title_that_looks_numbered_keeps_its_name() -> None:
    titles = ["Mercury", "Mercury", "MERCURY", "mercury (2)", "Venus"]
    assert texts(name_pages(titles, encode)) == [
        "mercury",
        "mercury (3)",
        "mercury (4)",
        "mercury (2)",
        "venus",
    ]


def test_a_long_title_is_cut_and_numbered_within_its_length() -> None:
    names = name_pages(["x" * 2_000, "x" * 1_999, "y" * 2_000], encode, longest=20)
    assert texts(names) == ["x" * 20, "x" * 16 + " (2)", "y" * 20]


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    titles = [f"Title {number % 40}" for number in range(200)]
    whole = name_pages(titles, encode)
    asked = []

    def counting(block: Sequence[str]) -> list[list[int]]:
        asked.append(len(block))
        return encode(block)

    monkeypatch.setattr(naming, "_BLOCK", 7)
    in_blocks = name_pages(iter(titles), counting)
    assert rows(in_blocks) == rows(whole)
    assert asked[:29] == [7] * 28 + [4]


def test_titles_are_a_stream() -> None:
    held = 0

    class Title(str):
        def __new__(cls, text: str) -> Title:
            nonlocal held
            held += 1
            return super().__new__(cls, text)

        def __del__(self) -> None:
            nonlocal held
            held -= 1

    most = 0

    def titles() -> Iterator[str]:
        nonlocal most
        for number in range(3 * naming._BLOCK):
            yield Title(str(number))
            most = max(most, held)

    assert len(name_pages(titles(), encode)) == 3 * naming._BLOCK
    assert held == 0 and most <= 2 * naming._BLOCK + 1


def test_many_equal_titles_take_their_turns() -> None:
    names = name_pages(["日本"] * 30_000, encode)
    assert rows(names)[0] == (_UNKNOWN, _UNKNOWN)
    assert texts(names)[-1].endswith(" (30000)")
    assert len(set(rows(names))) == 30_000


def test_no_pages() -> None:
    names = name_pages([], encode)
    assert len(names) == 0
    assert names.offsets.tolist() == [0]


@pytest.mark.parametrize("longest", [0, -3])
def test_a_length_without_room_for_a_token_is_refused(longest: int) -> None:
    with pytest.raises(InvalidInput, match="at least 1"):
        name_pages(["a"], encode, longest)


def test_a_length_without_room_for_numbers_is_refused_when_they_are_needed() -> None:
    assert len(name_pages(["a", "b"], encode, 3)) == 2
    with pytest.raises(InvalidInput, match="no room for the 4"):
        name_pages(["a", "A"], encode, 3)


def test_a_tokenizer_that_knows_no_digits_is_refused_when_they_are_needed() -> None:
    def blind(block: Sequence[str]) -> list[list[int]]:
        return [[token if not 48 <= token <= 57 else _UNKNOWN for token in row] for row in encode(block)]

    assert len(name_pages(["a", "b"], blind)) == 2
    with pytest.raises(InvalidInput, match="alike"):
        name_pages(["a", "a"], blind)


@pytest.mark.models
def test_titles_of_the_encoders_own_pieces(models: ModelStore) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(models.resolve("all-MiniLM-L6-v2").folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def pieces(block: Sequence[str]) -> list[list[int]]:
        return [row.ids for row in tokenizer.encode_batch(list(block), add_special_tokens=False)]

    names = name_pages(["Paris", "paris", "Paris (2)", "\U00012000", "\U00012001", "a" * 2_000], pieces)
    words = [tokenizer.decode(row, skip_special_tokens=False) for row in rows(names)]
    assert words[:5] == ["paris", "paris ( 3 )", "paris ( 2 )", "[UNK]", "[UNK] ( 2 )"]
