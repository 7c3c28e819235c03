"""Graded similarities: the loss beside a slow version, and the file of pairs."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.core.errors import BackendUnavailable, InvalidInput
from skerry.retrieval.embedding.training.similarity import SimilarPair, cosent, elastic_cosent
from skerry.retrieval.embedding.training.similarity_file import read_similar_pairs


def slow(cosines: list[float], similarity: list[float], scale: float) -> float:
    total = 1.0
    for i in range(len(cosines)):
        for j in range(len(cosines)):
            if similarity[i] > similarity[j]:
                total += math.exp(scale * (cosines[j] - cosines[i]))
    return math.log(total)


def test_by_hand() -> None:
    loss = cosent(torch.tensor([0.5, 0.25]), torch.tensor([1.0, 3.0]), 4.0)
    assert float(loss) == pytest.approx(math.log(1 + math.e))
    assert float(cosent(torch.tensor([0.5, 0.25]), torch.tensor([2.0, 2.0]), 4.0)) == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 1), st.integers(0, 3)), min_size=1, max_size=8))
def test_the_slow_version(rows: list[tuple[float, int]]) -> None:
    cosines, similarity = [cosine for cosine, _ in rows], [float(score) for _, score in rows]
    loss = cosent(torch.tensor(cosines), torch.tensor(similarity), 5.0)
    assert float(loss) == pytest.approx(slow(cosines, similarity, 5.0), rel=1e-4, abs=1e-5)


def test_elastic_is_the_mean_over_the_pairs() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = ([torch.randn(4, 8, generator=generator) for _ in range(2)] for _ in range(2))
    similarity = torch.tensor([0.0, 1.0, 2.0, 2.0])
    pairs = [(1, 3), (2, 8)]
    expected = 0.0
    for layers, width in pairs:
        cosines = []
        for a, b in zip(first[layers - 1][:, :width], second[layers - 1][:, :width], strict=True):
            cosines.append(float(a @ b / a.norm() / b.norm()))
        expected += slow(cosines, similarity.tolist(), 3.0) / 2
    assert float(elastic_cosent(first, second, similarity, pairs, 3.0)) == pytest.approx(expected, rel=1e-5)


def record(**changes: object) -> str:
    return json.dumps({"sentence1": "one", "sentence2": "two", "score": 4.5, "genre": "x"} | changes)


def test_files_of_pairs(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl.gz"
    path.write_bytes(gzip.compress(f"{record()}\n\n{record(score='1')}\n".encode()))
    assert read_similar_pairs(path) == [SimilarPair("one", "two", 4.5), SimilarPair("one", "two", 1.0)]


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[]",
        "3",
        record(sentence1=None),
        record(score="high"),
        record(score=None),
        record(score="nan"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(f"{record()}\n{line}\n")
    with pytest.raises(InvalidInput, match=f"{path}:2"):
        read_similar_pairs(path)


def test_too_few_pairs_and_no_file(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(f"{record()}\n")
    with pytest.raises(InvalidInput, match="1 sentence pair"):
        read_similar_pairs(path)
    with pytest.raises(BackendUnavailable, match=r"none\.jsonl"):
        read_similar_pairs(tmp_path / "none.jsonl")
