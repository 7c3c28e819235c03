"""Streaming: pieces concatenate to the whole, characters stay whole, stops work over any borders."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skerry.core.models.store import Model
from skerry.generation.decoding.detokenizer import IncrementalDetokenizer
from skerry.generation.decoding.stopping import StopStrings, TrailingSpace
from skerry.generation.decoding.text import AnswerText
from skerry.generation.model import LoadedModel


@pytest.fixture(scope="module")
def loaded(tiny_model: Model) -> LoadedModel:
    return LoadedModel(tiny_model, "fp32")


def _pieces(loaded: LoadedModel, tokens: list[int]) -> list[str]:
    detokenizer = IncrementalDetokenizer(loaded.decode)
    return [*(detokenizer.push(token) for token in tokens), detokenizer.finish()]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(3, 329), max_size=150))
def test_any_tokens_concatenate_to_their_decoding(loaded: LoadedModel, tokens: list[int]) -> None:
    assert "".join(_pieces(loaded, tokens)) == loaded.decode(tokens)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
@example("naïve café — 灯台 🗼👩‍🚀 Ελλάδα")
def test_characters_are_never_broken(loaded: LoadedModel, text: str) -> None:
    tokens = loaded.tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids
    pieces = _pieces(loaded, tokens)
    assert "".join(pieces) == text
    if "\ufffd" not in text:
        assert not any("\ufffd" in piece for piece in pieces)


def test_a_character_in_pieces_comes_when_it_is_whole(loaded: LoadedModel) -> None:
    tokens = loaded.tokenizer("灯", add_special_tokens=False).input_ids
    assert len(tokens) == 3
    assert _pieces(loaded, tokens) == ["", "", "灯", ""]
    # Cut off, it is given out as the replacement character, at the end.
    assert _pieces(loaded, tokens[:2]) == ["", "", "\ufffd"]


def test_a_decoder_that_drops_the_first_space_keeps_the_others() -> None:
    words = {0: " a", 1: " b", 2: "c"}

    def decode(tokens: object) -> str:
        return "".join(words[t] for t in tokens).removeprefix(" ")  # type: ignore[attr-defined]

    tokens = [0, 1, 2, 1, 0] * 40
    detokenizer = IncrementalDetokenizer(decode)
    pieces = [detokenizer.push(token) for token in tokens]
    assert "".join(pieces) + detokenizer.finish() == decode(tokens)
    assert pieces[:3] == ["a", " b", "c"]


def _slow_stop(text: str, stops: list[str]) -> tuple[str, bool]:
    """Character by character: the stop that is complete first, of several the one that began first."""
    for end in range(1, len(text) + 1):
        begun = [end - len(stop) for stop in stops if text[:end].endswith(stop)]
        if begun:
            return text[: min(begun)], True
    return text, False


@settings(max_examples=500)
@given(
    st.text("abc", max_size=30),
    st.lists(st.text("abc", min_size=1, max_size=4), max_size=3),
    st.lists(st.integers(0, 30), max_size=8),
)
def test_stops_agree_with_the_slow_version_for_any_cut(text: str, stops: list[str], cuts: list[int]) -> None:
    borders = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    stopping = StopStrings(stops)
    given_out = "".join(stopping.push(text[a:b]) for a, b in pairwise(borders)) + stopping.finish()
    assert (given_out, stopping.stopped) == _slow_stop(text, stops)


def test_what_may_begin_a_stop_is_held_back() -> None:
    stopping = StopStrings(["END."])
    assert stopping.push("one EN") == "one "
    assert stopping.push("TER E") == "ENTER "
    assert stopping.push("ND. more") == ""
    assert stopping.stopped
    assert stopping.push("more") == ""


def test_trailing_space_is_given_out_only_before_something_visible() -> None:
    trailing = TrailingSpace()
    assert [trailing.push(t) for t in ["a ", " b", "\n", " "]] == ["a", "  b", "", ""]


@settings(max_examples=100, deadline=None)
@given(st.text(" \nab\u00e9灯.", max_size=30), st.sampled_from([(), ("\n",), ("b.", "\n\n")]))
def test_answer_text_is_the_trimmed_text_before_the_stop(
    loaded: LoadedModel, text: str, stops: tuple[str, ...]
) -> None:
    answer = AnswerText(loaded.decode, stops)
    pieces = []
    for token in loaded.tokenizer(text, add_special_tokens=False).input_ids:
        pieces.append(answer.push(token))
        if answer.stopped:
            break
    pieces.append(answer.finish())
    expected, stopped = _slow_stop(text.lstrip(), list(stops))
    assert "".join(pieces) == answer.text == expected.rstrip()
    assert answer.stopped == stopped
