"""Passages in tokens, and tokens back to characters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.numpy import save_file
from transformers import AutoTokenizer

from skerry.core.errors import IndexCorrupt
from skerry.core.models.store import ModelStore
from skerry.retrieval.seal.vocabulary import Vocabulary, _origins, _spaced, _tokenizer_file

TEXT = "In 2008 she\n sang in the cafe\u0301 and the nai\u0308ve  日本 kept <|im_end|> her hat."


@pytest.fixture(scope="module")
def vocabulary(models: ModelStore) -> Vocabulary:
    return Vocabulary.load(models.resolve("SmolLM2-135M-Instruct"))


def test_a_passage_is_title_end_and_text(vocabulary: Vocabulary) -> None:
    tokens = vocabulary.passage("Beyoncé", TEXT)
    assert tokens.count(vocabulary.title_end) == 1
    place = tokens.index(vocabulary.title_end)
    assert vocabulary.text(tokens[:place]) == " Beyoncé"
    assert vocabulary.text(tokens[place + 1 :]) == _spaced(TEXT)


def test_many_passages_are_as_one_each(vocabulary: Vocabulary) -> None:
    given_pairs = [("A", "one two"), ("", "x"), ("B", "")]
    assert vocabulary.passages(given_pairs) == [vocabulary.passage(*pair) for pair in given_pairs]
    assert vocabulary.passage("", "") == [vocabulary.title_end]


def test_words_are_those_of_the_middle_of_a_text(vocabulary: Vocabulary) -> None:
    whole = vocabulary.passage("", "she sang in the café")
    part = vocabulary.words("sang  in")
    assert any(whole[i : i + len(part)] == part for i in range(len(whole)))


def test_offsets_lead_back_to_the_text(vocabulary: Vocabulary) -> None:
    title = "The hat"
    spans = vocabulary.offsets(title, TEXT)
    tokens = vocabulary.passage(title, TEXT)
    assert len(spans) == len(tokens)
    kept = [TEXT[start:stop] for start, stop in spans]
    assert "cafe\u0301" in kept
    named = tokens.index(vocabulary.title_end)
    assert all(span == (0, 0) for span in spans[: named + 1])
    for token, piece in zip(tokens[named + 1 :], kept[named + 1 :], strict=True):
        shown = vocabulary.text([token]).strip()
        if shown and "\ufffd" not in shown:
            assert _spaced(piece).strip() == shown


@given(st.text(alphabet="ab e\u0301\u0308\n\u1100\u1161\u11a8日\u0995\u09c7\u09be\u0bc6\u0bbe\u0f73\u0f74"))
@example("\u0995\u09c7\u09be b")
def test_every_character_of_the_composed_text_has_an_origin(text: str) -> None:
    composed, origins = _spaced(text), _origins(text)
    assert len(composed) == len(origins)
    for character, origin in zip(composed, origins, strict=True):
        assert (origin is None) == (character == " ")
        assert origin is None or not text[origin].isspace()


def test_the_tokenizers_own_file_gives_what_transformers_gives(models: ModelStore, tmp_path: Path) -> None:
    model = models.resolve("SmolLM2-135M-Instruct")
    found = _tokenizer_file(model.folder)
    assert found is not None
    loaded = AutoTokenizer.from_pretrained(model.folder)
    assert found[0].to_str() == loaded.backend_tokenizer.to_str()
    assert found[1] == loaded.eos_token_id
    for config in ("", "[]", "{}", '{"eos_token": null}', '{"eos_token": "no such token"}'):
        (tmp_path / "tokenizer_config.json").write_text(config)
        found[0].save(str(tmp_path / "tokenizer.json"))
        assert _tokenizer_file(tmp_path) is None
    (tmp_path / "tokenizer_config.json").write_text('{"eos_token": {"content": "<|im_end|>"}}')
    again = _tokenizer_file(tmp_path)
    assert again is not None
    assert again[1] == found[1]
    (tmp_path / "tokenizer.json").write_text("{")
    assert _tokenizer_file(tmp_path) is None


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"tokenizer.json": "{", "tokenizer_config.json": '{"eos_token": "x"}'},
        {"tokenizer.json": "{}"},
        {"tokenizer.json": "{}", "tokenizer_config.json": "{"},
    ],
)
def test_a_folder_without_a_whole_tokenizer_is_named(files: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "own-model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    save_file({"weight": np.zeros(1, np.float32)}, folder / "model.safetensors")
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(IndexCorrupt, match=r"tokenizer in .*own-model cannot be loaded.*tokenizer\.json"):
        Vocabulary.load(ModelStore(tmp_path / "store").resolve(str(folder)))
