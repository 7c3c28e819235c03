"""Vectors: what goes out comes back the same."""

from __future__ import annotations

import numpy as np
import pytest

from skerry.protos.v1 import embedding_pb2
from skerry.services.convert.embedding import vectors, vectors_of


@pytest.mark.parametrize("name", ["VECTOR_TYPE_FLOAT32", "VECTOR_TYPE_FLOAT16", "VECTOR_TYPE_UNSPECIFIED"])
def test_vectors(name: str) -> None:
    values = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    message = vectors(values, embedding_pb2.VectorType.Value(name))
    assert (message.count, message.dimensions) == (3, 8)
    np.testing.assert_allclose(vectors_of(message), values, atol=0 if "16" not in name else 1e-2)
