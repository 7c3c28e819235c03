"""Vectors in clusters, as texts' are, and what brute force finds among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.embedding.build import build_index
from skerry.retrieval.embedding.spec import VectorSpec
from skerry.retrieval.embedding.vector_index import VectorIndex

ROWS, WIDTH, PREFIX = 3000, 48, 12


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    exact = vectors.astype(float)
    rows: NDArray[np.float32] = (exact / np.sqrt((exact**2).sum(axis=1, keepdims=True))).astype(np.float32)
    return rows


def clusters(rows: int, seed: int, width: int = WIDTH) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(40, width))
    return unit(centres[random.integers(0, 40, rows)] + 0.6 * random.normal(size=(rows, width)))


def spec(kind: str, storage: str = "fp32", prefix: int = PREFIX) -> VectorSpec:
    return VectorSpec(kind=kind, storage=storage, m=12, ef_construction=60, prefix=prefix)


def build(vectors: NDArray[np.float32], folder: Path, how: VectorSpec, blocks: int = 7) -> VectorIndex:
    folder.mkdir(exist_ok=True)
    build_index(np.array_split(vectors, blocks), len(vectors), vectors.shape[1], folder, how)
    return VectorIndex(folder)


def brute_force(
    vectors: NDArray[np.float32],
    queries: NDArray[np.float32],
    limit: int,
    dimensions: int = WIDTH,
    within: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The slow, obviously right search: slice, renormalise, score everything, sort."""
    rows = np.arange(len(vectors)) if within is None else within
    cosines = unit(queries[:, :dimensions]) @ unit(vectors[rows, :dimensions]).T
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :limit]
    return np.take_along_axis(cosines, order, axis=1), rows[order]


def recall(found: NDArray[np.int64], wanted: NDArray[np.int64]) -> float:
    hits = [len(set(a) & set(b)) for a, b in zip(found.tolist(), wanted.tolist(), strict=True)]
    return sum(hits) / wanted.size
