"""Vectors in files: made once, gone on with after a kill, and found damaged."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skerry.benchmarks.elastic import layer_vectors as module
from skerry.benchmarks.elastic.layer_vectors import layer_vectors
from skerry.benchmarks.elastic.nearest import nearest, rescored
from skerry.core.errors import AlreadyExists, IndexCorrupt
from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.evaluation.resuming import lock_for_writing
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.embedding.encoder import SentenceEncoder
from skerry.retrieval.embedding.passage_text import passage_text, text_begin
from skerry.retrieval.index.reader import Index

from .conftest import Made

IDENTITY = {"model": "small"}


class Counting(SentenceEncoder):
    """Remembers what it encoded, and fails when it is told to."""

    calls: list[tuple[int, list[int]]]
    fails_after = 1000

    def encode_layers(  # type: ignore[override]
        self, texts: Sequence[str], layers: Sequence[int]
    ) -> dict[int, NDArray[np.float32]]:
        if len(self.calls) == self.fails_after:
            raise KeyboardInterrupt
        self.calls.append((len(texts), list(layers)))
        return super().encode_layers(texts, layers)


@pytest.fixture
def encoder(made: Made, monkeypatch: pytest.MonkeyPatch) -> Counting:
    monkeypatch.setattr(module, "_BLOCK", 10)
    encoder = Counting(ModelStore().resolve(str(made.model)), "fp32")
    encoder.calls = []
    return encoder


@pytest.fixture
def passages(made: Made) -> Iterator[PassageStore]:
    with Index.open(made.indexes["none"]) as index:
        yield index.passages


def vectors(
    out: Path, encoder: SentenceEncoder, passages: PassageStore, layers: Sequence[int]
) -> dict[int, NDArray[np.float16]]:
    made = layer_vectors(out, encoder, IDENTITY, passages, layers, SilentProgress())
    assert made.starts is None
    return dict(made.layers)


def test_a_killed_run_goes_on(encoder: Counting, passages: PassageStore, tmp_path: Path) -> None:
    texts = [f"{title}. {text}" for title, _, text in passages.texts(0, len(passages))]
    expected = SentenceEncoder.encode_layers(encoder, texts, [1, 3])
    encoder.fails_after = 2
    with pytest.raises(KeyboardInterrupt):
        vectors(tmp_path, encoder, passages, [1, 3])
    encoder.fails_after = 1000
    found = vectors(tmp_path, encoder, passages, [1, 3])
    assert [count for count, _ in encoder.calls] == [10, 10, 10, 10, 8]
    for layer in (1, 3):
        assert found[layer].dtype == np.float16
        np.testing.assert_allclose(found[layer], expected[layer], atol=1e-3)

    # Another layer costs itself, and what is there is not made again.
    encoder.calls = []
    again = vectors(tmp_path, encoder, passages, [1, 2, 3])
    assert {tuple(layers) for _, layers in encoder.calls} == {(2,)}
    np.testing.assert_array_equal(again[3], found[3])
    encoder.calls = []
    [path] = tmp_path.rglob("layer-3.npy")
    path.unlink()
    np.testing.assert_array_equal(vectors(tmp_path, encoder, passages, [2, 3])[3], found[3])
    assert encoder.calls[0] == (10, [3])


def test_several_vectors_a_passage(encoder: Counting, passages: PassageStore, tmp_path: Path) -> None:
    plain = vectors(tmp_path, encoder, passages, [2, 3])
    made = layer_vectors(tmp_path, encoder, IDENTITY, passages, [2, 3], SilentProgress(), stretches=True)
    assert len(list(tmp_path.iterdir())) == 2
    assert made.starts is not None and made.starts.tolist() == list(range(0, 2 * len(passages) + 1, 2))
    pairs = [(title, text) for title, _, text in passages.texts(0, len(passages))]
    texts, begins = [passage_text(*pair) for pair in pairs], [text_begin(title) for title, _ in pairs]
    wanted = encoder.encode_stretches(texts, begins, [2, 3])
    for layer in (2, 3):
        np.testing.assert_allclose(made.layers[layer], wanted.layers[layer], atol=1e-3)
        np.testing.assert_allclose(made.whole(layer), plain[layer], atol=1e-3)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    again = layer_vectors(tmp_path, encoder, IDENTITY, passages, [3], SilentProgress(), stretches=True)
    np.testing.assert_array_equal(again.layers[3], made.layers[3])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")} == before


def test_another_encoder_has_other_files(encoder: Counting, passages: PassageStore, tmp_path: Path) -> None:
    vectors(tmp_path, encoder, passages, [1])
    layer_vectors(tmp_path, encoder, {"model": "other"}, passages, [1], SilentProgress())
    assert len(list(tmp_path.iterdir())) == 2
    assert len(encoder.calls) == 10


def test_damage(encoder: Counting, passages: PassageStore, tmp_path: Path) -> None:
    vectors(tmp_path, encoder, passages, [1])
    [path] = tmp_path.rglob("layer-1.npy")
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(IndexCorrupt, match=r"layer-1\.npy is damaged"):
        vectors(tmp_path, encoder, passages, [1])
    np.save(path, np.zeros((3, 3), np.float16))
    with pytest.raises(IndexCorrupt, match=r"\(3, 3\)"):
        vectors(tmp_path, encoder, passages, [1])
    path.write_bytes(whole)
    done = path.parent / "done.json"
    done.write_text(json.dumps([1]))
    with pytest.raises(IndexCorrupt, match=r"done\.json is damaged"):
        vectors(tmp_path, encoder, passages, [1])


def test_one_run_at_a_time(encoder: Counting, passages: PassageStore, tmp_path: Path) -> None:
    vectors(tmp_path, encoder, passages, [1])
    [folder] = tmp_path.iterdir()
    with (folder / "lock").open("wb") as file:
        lock_for_writing(file.fileno(), folder)
        with pytest.raises(AlreadyExists, match="Another run"):
            vectors(tmp_path, encoder, passages, [1])


@pytest.mark.parametrize("dimensions", [3, 8])
def test_nearest_is_brute_force(dimensions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skerry.benchmarks.elastic.nearest._BLOCK", 7)
    random = np.random.default_rng(1)
    rows = random.normal(size=(50, 8)).astype(np.float16)
    queries = random.normal(size=(6, 8)).astype(np.float32)
    cut = rows[:, :dimensions].astype(np.float64)
    cosines = queries[:, :dimensions] @ (cut / np.linalg.norm(cut, axis=1, keepdims=True)).T
    expected = np.argsort(-cosines, axis=1)
    np.testing.assert_array_equal(nearest(rows, queries, dimensions, 20), expected[:, :20])
    np.testing.assert_array_equal(nearest(rows, queries, dimensions, 99), expected)
    if dimensions == 8:
        few = nearest(rows, queries, 3, 20)
        again = rescored(rows, queries, few)
        for row, ordinals in enumerate(again):
            np.testing.assert_array_equal(ordinals, [n for n in expected[row] if n in few[row]])


@pytest.mark.parametrize("dimensions", [3, 8])
def test_nearest_by_the_best_row(dimensions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skerry.benchmarks.elastic.nearest._BLOCK", 7)
    random = np.random.default_rng(2)
    starts = np.concatenate([[0], np.cumsum(random.integers(1, 12, 20))]).astype(np.int64)
    rows = random.normal(size=(starts[-1], 8)).astype(np.float16)
    queries = random.normal(size=(6, 8)).astype(np.float32)

    def expected(size: int) -> NDArray[np.int64]:
        cut = rows[:, :size].astype(np.float64)
        cosines = queries[:, :size] @ (cut / np.linalg.norm(cut, axis=1, keepdims=True)).T
        best = [cosines[:, low:high].max(axis=1) for low, high in itertools.pairwise(starts)]
        return np.argsort(-np.stack(best, axis=1), axis=1)

    np.testing.assert_array_equal(nearest(rows, queries, dimensions, 9, starts), expected(dimensions)[:, :9])
    np.testing.assert_array_equal(nearest(rows, queries, dimensions, 99, starts), expected(dimensions))
    few = nearest(rows, queries, 3, 9, starts)
    for found, again, order in zip(few, rescored(rows, queries, few, starts), expected(8), strict=True):
        np.testing.assert_array_equal(again, [passage for passage in order if passage in found])
