"""Files: the same every time, and damage is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, Cancelled, IndexCorrupt
from skerry.retrieval.embedding.build import build_index
from skerry.retrieval.embedding.spec import SearchOptions
from skerry.retrieval.embedding.vector_index import VectorIndex

from .clusters import WIDTH, build, spec

Vectors = NDArray[np.float32]
FILES = {
    "flat": ("vectors.faiss", "prefix.faiss", "vectors.json"),
    "hnsw": ("vectors.faiss", "prefix.faiss", "vectors.json", "search.faiss"),
    "ivf": ("vectors.faiss", "prefix.faiss", "vectors.json", "search.faiss"),
}


@pytest.mark.parametrize("storage", ["fp32", "int8"])
@pytest.mark.parametrize("kind", list(FILES))
def test_is_built_the_same_every_time(kind: str, storage: str, vectors: Vectors, tmp_path: Path) -> None:
    for name, blocks in (("a", 1), ("b", 1), ("c", 5)):
        build(vectors[:900], tmp_path / name, spec(kind, storage), blocks)
    for name in FILES[kind]:
        a, b, c = ((tmp_path / folder / name).read_bytes() for folder in "abc")
        assert a == b == c, name
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(FILES[kind])


@pytest.mark.parametrize("kind", list(FILES))
def test_without_a_prefix_any_slice_is_searched(kind: str, vectors: Vectors, tmp_path: Path) -> None:
    index = build(vectors[:200], tmp_path, spec(kind, prefix=0))
    assert not (tmp_path / "prefix.faiss").exists()
    found = index.search(vectors[:5], 1, SearchOptions(dimensions=12, rescore_dimensions=WIDTH))
    assert found[1][:, 0].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in FILES.items() for name in names])
@pytest.mark.parametrize("damage", ["missing", "empty", "garbage", "cut", "other"])
def test_damage_is_named(kind: str, name: str, damage: str, vectors: Vectors, tmp_path: Path) -> None:
    build(vectors[:300], tmp_path / "whole", spec(kind))
    build(vectors[:299], tmp_path / "other", spec(kind))
    path = tmp_path / "whole" / name
    whole = path.read_bytes()
    path.unlink()
    if damage != "missing":
        other = (tmp_path / "other" / name).read_bytes()
        cut = whole[: len(whole) // 2]
        path.write_bytes({"empty": b"", "garbage": b"not faiss" * 100, "cut": cut, "other": other}[damage])
    named = "faiss" if (damage, name) == ("other", "vectors.json") else name.replace(".", r"\.")
    with pytest.raises(IndexCorrupt, match=named):
        VectorIndex(tmp_path / "whole")


@pytest.mark.parametrize("name", ["search.faiss", "prefix.faiss"])
def test_a_file_of_another_kind_is_named(name: str, vectors: Vectors, tmp_path: Path) -> None:
    build(vectors[:300], tmp_path / "hnsw", spec("hnsw"))
    build(vectors[:300], tmp_path / "ivf", spec("ivf"))
    (tmp_path / "hnsw" / name).write_bytes((tmp_path / "ivf" / name).read_bytes())
    with pytest.raises(IndexCorrupt, match=f"{name}.*IndexIVFFlat"):
        VectorIndex(tmp_path / "hnsw")


def test_a_shape_of_another_kind_is_named(vectors: Vectors, tmp_path: Path) -> None:
    build(vectors[:300], tmp_path, spec("flat"))
    path = tmp_path / "vectors.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "kind": "tree"}))
    with pytest.raises(IndexCorrupt, match=r"vectors\.json.*tree"):
        VectorIndex(tmp_path)


@pytest.mark.parametrize("kind", list(FILES))
def test_a_build_is_stopped(kind: str, vectors: Vectors, tmp_path: Path) -> None:
    deadline = Deadline()
    deadline.cancel()
    with pytest.raises(Cancelled, match="building a vector index"):
        build_index([vectors], len(vectors), WIDTH, tmp_path, spec(kind), deadline=deadline)
    with pytest.raises(IndexCorrupt, match=r"vectors\.json"):
        VectorIndex(tmp_path)


def test_a_folder_that_cannot_be_written(vectors: Vectors, tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable, match=r"vectors\.faiss"):
        build_index([vectors], len(vectors), WIDTH, tmp_path / "absent", spec("flat"))
