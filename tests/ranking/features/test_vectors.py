"""Word vectors, known and unknown, and their files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from skerry.core.errors import IndexCorrupt
from skerry.core.models.store import ModelStore
from skerry.ranking.features.vectors import WordVectors, load_vectors

from ..words import KNOWN, WIDTH, word_vectors  # noqa: TID252 -- the room's own words


def test_known_words_have_their_rows() -> None:
    vectors = word_vectors()
    assert vectors.numbers(["w0", "w7"]) == [1, 8]
    generator = torch.Generator().manual_seed(5)
    expected = torch.randn(len(KNOWN), WIDTH, generator=generator)
    assert torch.equal(vectors.vectors(torch.tensor([[1, 8], [0, 40]]))[0], expected[[0, 7]])
    assert torch.equal(vectors.vectors(torch.tensor([0])), torch.zeros(1, WIDTH))


def test_unknown_words_are_like_themselves_alone() -> None:
    vectors = word_vectors()
    names = [f"unknown{number}" for number in range(500)]
    numbers = vectors.numbers(names)
    assert len(set(numbers)) == len(names)
    assert min(numbers) > vectors.known
    assert vectors.numbers(names[:3]) == numbers[:3]
    found = vectors.vectors(torch.tensor(numbers))
    assert torch.equal(word_vectors().vectors(torch.tensor(numbers)), found)
    lengths = vectors.vectors(torch.arange(1, vectors.known + 1)).norm(dim=1)
    assert torch.allclose(found.norm(dim=1), lengths.mean().expand(500), atol=1e-5)
    wide = word_vectors(50)
    found = torch.nn.functional.normalize(wide.vectors(torch.tensor(wide.numbers(names))), dim=1)
    cosines = found @ found.T - torch.eye(500)
    assert float(cosines.abs().mean()) < 0.2


def test_no_words_at_all() -> None:
    empty = WordVectors({}, torch.empty(0, 4))
    assert empty.vectors(torch.tensor(empty.numbers(["a"]))).norm() == pytest.approx(1)


def write(folder: Path, words: str, vectors: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text(words, encoding="utf-8")
    save_file({"vectors": vectors}, folder / "vectors.safetensors")
    return folder


def test_from_a_folder(tmp_path: Path) -> None:
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    folder = write(tmp_path / "small", "the\na\u2028b\nof\n", rows)
    model = ModelStore(tmp_path / "models").resolve(str(folder))
    vectors = load_vectors(model)
    assert vectors.numbers(["the", "a\u2028b", "of"]) == [1, 2, 3]
    assert np.array_equal(vectors.vectors(torch.tensor([1, 2, 3])).numpy(), rows)
    assert load_vectors(model) is vectors


@pytest.mark.parametrize(
    ("words", "vectors"),
    [
        ("the\n", np.zeros((2, 2), np.float32)),
        ("the\n", np.zeros((1, 2), np.float64)),
        ("the\n", np.zeros(1, np.float32)),
    ],
)
def test_a_folder_that_does_not_fit(tmp_path: Path, words: str, vectors: np.ndarray) -> None:
    folder = write(tmp_path / "bad", words, vectors)
    with pytest.raises(IndexCorrupt, match="do not belong together"):
        load_vectors(ModelStore(tmp_path / "models").resolve(str(folder)))
    (folder / "vocab.txt").unlink()
    with pytest.raises(IndexCorrupt, match=r"vocab\.txt"):
        load_vectors(ModelStore(tmp_path / "models").resolve(str(folder)))


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    folder = write(tmp_path / "other", "the\n", np.zeros((1, 2), np.float32))
    save_file({"weights": np.zeros(3, np.float32)}, folder / "vectors.safetensors")
    with pytest.raises(IndexCorrupt, match="vectors"):
        load_vectors(ModelStore(tmp_path / "models").resolve(str(folder)))
