"""faiss's indexes beside brute force."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skerry.core.errors import IndexCorrupt
from skerry.retrieval.embedding.faiss_index import VectorIndex, build_flat, build_hnsw

ROWS, DIMENSIONS = 2000, 48


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float32]:
    random = np.random.default_rng(5).normal(size=(ROWS, DIMENSIONS)).astype(np.float32)
    return random / np.linalg.norm(random, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def queries() -> NDArray[np.float32]:
    random = np.random.default_rng(6).normal(size=(40, DIMENSIONS)).astype(np.float32)
    return random / np.linalg.norm(random, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def flat(vectors: NDArray[np.float32], tmp_path_factory: pytest.TempPathFactory) -> VectorIndex:
    path = tmp_path_factory.mktemp("flat") / "vectors.faiss"
    build_flat(np.array_split(vectors, 7), DIMENSIONS, path)
    return VectorIndex(path)


@pytest.fixture(scope="module")
def graph(vectors: NDArray[np.float32], tmp_path_factory: pytest.TempPathFactory) -> VectorIndex:
    path = tmp_path_factory.mktemp("hnsw") / "vectors.faiss"
    build_hnsw(np.array_split(vectors, 7), DIMENSIONS, path, m=16, ef_construction=100)
    return VectorIndex(path)


def brute(
    vectors: NDArray[np.float32], queries: NDArray[np.float32], limit: int, rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    products = queries @ vectors[rows].T
    return rows[np.argsort(-products, axis=1, kind="stable")[:, :limit]]


def test_flat_is_brute_force(
    flat: VectorIndex, vectors: NDArray[np.float32], queries: NDArray[np.float32]
) -> None:
    products, rows = flat.search(queries, 50, 1, None)
    assert (flat.count, flat.dimensions) == (ROWS, DIMENSIONS)
    assert rows.tolist() == brute(vectors, queries, 50, np.arange(ROWS)).tolist()
    assert products == pytest.approx(np.take_along_axis(queries @ vectors.T, rows, axis=1), abs=1e-5)


@pytest.mark.parametrize("kind", ["flat", "graph"])
@pytest.mark.parametrize("size", [1, 9, 300, ROWS])
def test_within_is_brute_force_over_the_chosen(
    kind: str,
    size: int,
    request: pytest.FixtureRequest,
    vectors: NDArray[np.float32],
    queries: NDArray[np.float32],
) -> None:
    index: VectorIndex = request.getfixturevalue(kind)
    chosen = np.sort(np.random.default_rng(size).choice(ROWS, size, replace=False)).astype(np.int64)
    _, rows = index.search(queries, 20, 1, chosen)
    assert rows.tolist() == brute(vectors, queries, 20, chosen).tolist()


def test_hnsw_recall_grows_with_ef_search(
    graph: VectorIndex, vectors: NDArray[np.float32], queries: NDArray[np.float32]
) -> None:
    wanted = brute(vectors, queries, 10, np.arange(ROWS))

    def recall(ef_search: int) -> float:
        _, rows = graph.search(queries, 10, ef_search, None)
        found = [len(set(a) & set(b)) for a, b in zip(rows.tolist(), wanted.tolist(), strict=True)]
        return sum(found) / wanted.size

    assert recall(400) >= 0.98
    assert recall(400) >= recall(10)


def test_hnsw_is_built_the_same_every_time(vectors: NDArray[np.float32], tmp_path: Path) -> None:
    for name in ("a", "b"):
        build_hnsw([vectors], DIMENSIONS, tmp_path / name, m=16, ef_construction=60)
    build_hnsw(np.array_split(vectors, 3), DIMENSIONS, tmp_path / "c", m=16, ef_construction=60)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    a, c = VectorIndex(tmp_path / "a"), VectorIndex(tmp_path / "c")
    assert a.search(vectors[:9], 5, 50, None)[1][:, 0].tolist() == list(range(9))
    assert c.search(vectors[:9], 5, 50, None)[1][:, 0].tolist() == list(range(9))


def test_limits(flat: VectorIndex, graph: VectorIndex, queries: NDArray[np.float32]) -> None:
    for index in (flat, graph):
        assert index.search(queries, 10**6, 10, np.array([3, 4]))[1].shape == (40, 2)
        assert index.search(queries, 5, 10, np.empty(0, np.int64))[1].shape == (40, 0)
        assert index.search(queries[:0], 5, 10, None)[1].shape == (0, 5)
    assert flat.search(queries, 10**6, 1, None)[1].shape == (40, ROWS)


def test_from_many_threads(flat: VectorIndex, queries: NDArray[np.float32]) -> None:
    chosen = [np.arange(n, ROWS, 7, dtype=np.int64) for n in range(7)]
    wanted = [flat.search(queries, 10, 1, rows)[1].tolist() for rows in chosen]
    with ThreadPoolExecutor(7) as threads:
        found = list(threads.map(lambda n: flat.search(queries, 10, 1, chosen[n % 7])[1].tolist(), range(70)))
    assert found == wanted * 10


@pytest.mark.parametrize("damage", ["empty", "garbage", "cut"])
def test_damage_is_named(damage: str, vectors: NDArray[np.float32], tmp_path: Path) -> None:
    path = tmp_path / "vectors.faiss"
    build_flat([vectors], DIMENSIONS, path)
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "garbage": b"not faiss" * 100, "cut": whole[: len(whole) // 2]}[damage])
    with pytest.raises(IndexCorrupt, match=r"vectors\.faiss"):
        VectorIndex(path)
