"""Sentence ends on tokens are those of the text, whatever a tokenizer makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.core.models.store import Model
from skerry.generation.selection.sentence_ends import SentenceTracker, TokenText, sentence_ends
from skerry.retrieval.corpus.sentences import split_sentences

_TEXT = "Dr. Reid lit it in 1844. Was it 3.5 m high? Yes!\n\nNo stop here\n\nEnd of all."


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Model) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model.folder)


def _tokens(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids
    return ids


def _parts(tokenizer: Any, tokens: list[int]) -> list[str]:
    ends = sentence_ends(tokenizer, tokens)
    starts = [0, *ends[:-1]]
    return [tokenizer.decode(tokens[start:end]) for start, end in zip(starts, ends, strict=True)]


def test_sentences_of_a_text(tokenizer: Any) -> None:
    parts = _parts(tokenizer, _tokens(tokenizer, _TEXT))
    assert [part.strip() for part in parts] == [_TEXT[start:end] for start, end in split_sentences(_TEXT)]
    assert "".join(parts) == _TEXT


def test_a_character_of_several_tokens_ends_a_sentence(tokenizer: Any) -> None:
    text = "灯台は明るい。船が来る！次"
    assert _parts(tokenizer, _tokens(tokenizer, text)) == ["灯台は明るい。", "船が来る！", "次"]


def test_a_special_token_ends_a_sentence(tokenizer: Any) -> None:
    tokens = [*_tokens(tokenizer, "no stop"), tokenizer.eos_token_id, *_tokens(tokenizer, "and on")]
    assert len(sentence_ends(tokenizer, tokens)) == 2


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="aB1 .!?\n\"')。é灯\u2019", max_size=60))
def test_ends_ascend_and_cut_where_the_text_is_cut(tokenizer: Any, text: str) -> None:
    tokens = _tokens(tokenizer, text)
    ends = sentence_ends(tokenizer, tokens)
    assert list(ends) == sorted(set(ends))
    assert (ends[-1] if ends else 0) == len(tokens)
    spans = split_sentences(text)
    assert len(ends) <= max(1, len(spans))
    read = TokenText(tokenizer)
    pieces = [read.push(token) for token in tokens]
    assert "".join(pieces) == text
    begins = {start for start, _ in spans[1:]}
    for end in ends[:-1]:
        before = len("".join(pieces[:end]))
        # The next sentence begins at the cut, or within the token on one of its sides.
        assert any(before - len(pieces[end - 1]) < begin <= before + len(pieces[end]) for begin in begins)


def test_no_tokens_have_no_sentence(tokenizer: Any) -> None:
    assert sentence_ends(tokenizer, []) == ()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["It was lit.", "Why?", "no stop", "Ah! ", "One\n\ntwo"]), max_size=8))
def test_the_tracker_opens_sentences_where_they_begin(tokenizer: Any, texts: list[str]) -> None:
    tokens = _tokens(tokenizer, " ".join(texts))
    tracker = SentenceTracker(tokenizer)
    opened = [number for number, token in enumerate(tokens) if tracker.push(token)]
    assert opened == list(sentence_ends(tokenizer, tokens)[:-1])


def test_any_tokens_are_taken(tokenizer: Any) -> None:
    tokens = list(range(len(tokenizer)))
    tracker = SentenceTracker(tokenizer)
    for token in tokens:
        tracker.push(token)
    assert sentence_ends(tokenizer, tokens)[-1] == len(tokens)
