"""Vectors, packed as bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.protos.v1 import embedding_pb2

_VECTOR_TYPES = {embedding_pb2.VECTOR_TYPE_FLOAT32: "<f4", embedding_pb2.VECTOR_TYPE_FLOAT16: "<f2"}


def vectors(values: NDArray[np.float32], kind: embedding_pb2.VectorType) -> embedding_pb2.Vectors:
    """Vectors of shape (n, d), packed little-endian. Raises `InvalidInput` for an unknown number type."""
    kind = kind or embedding_pb2.VECTOR_TYPE_FLOAT32
    if kind not in _VECTOR_TYPES:
        raise InvalidInput(f"There is no vector type of number {kind}.", details={"field": "options.type"})
    return embedding_pb2.Vectors(
        data=np.ascontiguousarray(values, _VECTOR_TYPES[kind]).tobytes(),
        count=values.shape[0],
        dimensions=values.shape[1],
        type=kind,
    )


def vectors_of(message: embedding_pb2.Vectors) -> NDArray[np.float32]:
    """Float32 of shape (count, dimensions)."""
    flat = np.frombuffer(message.data, _VECTOR_TYPES[message.type])
    return flat.reshape(message.count, message.dimensions).astype(np.float32)
