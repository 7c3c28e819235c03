"""The converters: word vectors from text and from an array, and a generator that speaks after conversion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from skerry.core.errors import IndexCorrupt, InvalidInput
from skerry.core.models.convert.choose import convert
from skerry.core.models.store import ModelStore


def _vectors(folder: Path) -> tuple[list[str], np.ndarray]:
    words = (folder / "vocab.txt").read_bytes().decode().split("\n")[:-1]
    return words, load_file(folder / "vectors.safetensors")["vectors"]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_vectors_from_text(raw: Path, out: Path) -> None:
    (raw / "glove.6B.50d.txt").write_text("the 1 2 3\n, -0.5 0 1e-3\nna\u00efve\u0085 7 8 9\n", "utf-8")
    assert convert(raw, out) == "glove-text"
    words, vectors = _vectors(out)
    assert words == ["the", ",", "na\u00efve\u0085"]
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [[1, 2, 3], [-0.5, 0, 1e-3], [7, 8, 9]])


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "is empty"), ("a 1 2\nb 1\n", ":2 has 1 numbers, not 2"), ("a 1 x\n", ":1 ")],
)
def test_damaged_text(raw: Path, out: Path, text: str, message: str) -> None:
    (raw / "glove.6B.50d.txt").write_text(text)
    with pytest.raises(IndexCorrupt, match=message):
        convert(raw, out)


def test_vectors_from_an_array(raw: Path, out: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    matrix = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.save(raw / "glove_6B_50d_emb.npy", matrix)
    words = ["the", "of", "\u2028"]
    parquet.write_table(pyarrow.table({"index": words}), raw / "glove_6B_index.parquet")
    assert convert(raw, out) == "glove-array"
    found, vectors = _vectors(out)
    assert found == words
    np.testing.assert_array_equal(vectors, matrix)

    np.save(raw / "glove_6B_50d_emb.npy", matrix[:2])
    with pytest.raises(IndexCorrupt, match="3 words and a matrix of shape"):
        convert(raw, out)


def test_nothing_to_convert(raw: Path, out: Path) -> None:
    (raw / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(InvalidInput, match="no weights in a known format"):
        convert(raw, out)


@pytest.mark.parametrize("data", [b"", b"GGUF", b"not a model" * 100])
def test_a_damaged_gguf(raw: Path, out: Path, data: bytes) -> None:
    (raw / "model.gguf").write_bytes(data)
    with pytest.raises(InvalidInput, match=r"model\.gguf cannot be read as GGUF"):
        convert(raw, out)


@pytest.mark.models
def test_the_converted_generator_follows_its_chat_template(models: ModelStore) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = models.resolve("SmolLM2-135M-Instruct").folder
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    with torch.inference_mode():
        answer = model.generate(**asked, max_new_tokens=24, do_sample=False)[0, asked["input_ids"].shape[1] :]
    assert "Paris" in tokenizer.decode(answer)
    assert answer[-1] == tokenizer.convert_tokens_to_ids("<|im_end|>")
