"""Which kind of index, and which storage: a written rule of the vectors' number and width, and of memory."""

from __future__ import annotations

from math import isqrt

BYTES = {"fp32": 4, "fp16": 2, "int8": 1}
"""Storage -> bytes a dimension, most exact first."""
_FLAT_OPERATIONS = 50_000_000
TRAINED_ON = 64
"""Vectors a list that an inverted file's centroids are trained on."""


def choose_storage(count: int, width: int, memory: int) -> str:
    """The most exact storage whose vectors fit the memory; "int8" where none does."""
    return next((name for name, size in BYTES.items() if count * width * size <= memory), "int8")


def choose_kind(count: int, width: int, storage: str, m: int, memory: int) -> str:
    """Flat while it is quick; then a graph while that fits the memory; then lists."""
    if count * width <= _FLAT_OPERATIONS:
        return "flat"
    graph = count * (width * BYTES[storage] + 4 * 2 * m)
    return "hnsw" if graph <= memory else "ivf"


def choose_lists(count: int) -> int:
    """Four times the root of the number of vectors, and fewer where centroids would be trained on too few."""
    return max(1, min(4 * isqrt(count), count // TRAINED_ON))
