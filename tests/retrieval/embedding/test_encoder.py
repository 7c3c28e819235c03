"""The sentence encoder beside a plain forward pass."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.dtype import resolve_dtype
from skerry.core.errors import DeadlineExceeded, IndexCorrupt, InvalidInput
from skerry.core.models.store import Model, ModelStore
from skerry.retrieval.embedding.encoder import SentenceEncoder

TEXTS = [
    "The lighthouse keeper lit the lamp at dusk.",
    "Who kept the light?",
    "",
    "Granite. " * 40,
    "Naïve façades, 日本語, and an emoji 🐦.",
    "word " * 1000,
    "A ferry crossed the reef while the fog bell rang, and the captain read his chart twice.",
] * 3


@pytest.fixture(scope="module")
def model(models: ModelStore) -> Model:
    return models.resolve("all-MiniLM-L6-v2")


@pytest.fixture(scope="module")
def encoder(model: Model) -> SentenceEncoder:
    return SentenceEncoder(model, "fp32")


@pytest.fixture(scope="module")
def plain(model: Model) -> NDArray[np.float32]:
    """Each text alone through transformers' own tokenizer and model."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model.folder)
    network = AutoModel.from_pretrained(model.folder, attn_implementation="eager").eval()
    vectors = []
    with torch.inference_mode():
        for text in TEXTS:
            inputs = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
            mean = network(**inputs).last_hidden_state[0].mean(0)
            vectors.append((mean / mean.norm()).numpy())
    return np.stack(vectors)


def test_agrees_with_a_plain_forward(encoder: SentenceEncoder, plain: NDArray[np.float32]) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dimensions) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert vectors == pytest.approx(plain, abs=2e-5)


def test_bf16_agrees_with_fp32(model: Model, plain: NDArray[np.float32]) -> None:
    vectors = SentenceEncoder(model, "bf16").encode(TEXTS)
    assert (vectors * plain).sum(axis=1).min() > 0.999


def test_neither_order_nor_batches_matter(encoder: SentenceEncoder, model: Model) -> None:
    vectors = encoder.encode(TEXTS)
    order = np.random.default_rng(3).permutation(len(TEXTS))
    shuffled = encoder.encode([TEXTS[n] for n in order])
    assert shuffled == pytest.approx(vectors[order], abs=1e-5)
    single = SentenceEncoder(model, "fp32", batch_tokens=1).encode(TEXTS)
    assert single == pytest.approx(vectors, abs=1e-5)


def test_the_same_call_gives_the_same_bits(model: Model) -> None:
    for dtype in ("fp32", "bf16"):
        encoder = SentenceEncoder(model, dtype)
        assert encoder.encode(TEXTS).tobytes() == encoder.encode(TEXTS).tobytes()


def test_no_texts(encoder: SentenceEncoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


def test_from_many_threads(encoder: SentenceEncoder) -> None:
    wanted = encoder.encode(TEXTS[:5]).tobytes()
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: encoder.encode(TEXTS[:5]).tobytes(), range(12)))
    assert found == [wanted] * 12


def test_deadline(encoder: SentenceEncoder) -> None:
    with pytest.raises(DeadlineExceeded, match="encoding"):
        encoder.encode(TEXTS, Deadline(0.0))


def test_what_is_no_text(encoder: SentenceEncoder) -> None:
    for bad in ("\ud800", None, 7):
        with pytest.raises(InvalidInput, match="cannot be encoded"):
            encoder.encode(["fine", bad])  # type: ignore[list-item]


def test_dtypes() -> None:
    assert resolve_dtype("auto") in ("bf16", "fp32")
    with pytest.raises(InvalidInput, match="auto, bf16 or fp32"):
        resolve_dtype("int8")


@pytest.mark.parametrize("missing", ["tokenizer.json", "config.json", "model.safetensors"])
def test_a_folder_that_is_no_model(missing: str, model: Model, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model.folder, folder)
    (folder / missing).unlink()
    with pytest.raises(IndexCorrupt, match="cannot be loaded"):
        SentenceEncoder(replace(model, folder=folder))
