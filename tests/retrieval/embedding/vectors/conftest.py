"""One set of vectors and queries, and the indexes of them, each built once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from skerry.retrieval.embedding.spec import VectorSpec
from skerry.retrieval.embedding.vector_index import VectorIndex

from . import clusters

Built = Callable[[VectorSpec], VectorIndex]


@pytest.fixture(scope="session")
def vectors() -> NDArray[np.float32]:
    return clusters.clusters(clusters.ROWS, seed=5)


@pytest.fixture(scope="session")
def queries(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    near = vectors[::75]
    return clusters.unit(near + 0.1 * np.random.default_rng(6).normal(size=near.shape))


@pytest.fixture(scope="session")
def built(vectors: NDArray[np.float32], tmp_path_factory: pytest.TempPathFactory) -> Built:
    opened: dict[VectorSpec, VectorIndex] = {}

    def build(spec: VectorSpec) -> VectorIndex:
        if spec not in opened:
            opened[spec] = clusters.build(vectors, tmp_path_factory.mktemp(spec.kind), spec)
        return opened[spec]

    return build
