"""Which kind of index, and which storage: a written rule of the vectors' number and width, and of memory.

Kind. A flat index is exact, is built at once and needs no room beside the vectors, so it is chosen while
it is quick: up to 100 million components (260,000 vectors of 384), some 20 ms on one processor. Beyond,
a graph looks at few of the vectors, but jumps about in vectors and links that must all be in memory.
Where those do not fit, lists are chosen: a search reads whole runs of the file.

Storage. 32-bit floats while the vectors fit the memory, then 16-bit ones, then 8-bit integers.

Measured with `python -m skerry.benchmarks.elastic.kinds` on vectors of all-MiniLM-L6-v2: 25,289 passages of
Wikipedia and 1,000 questions, one at a time on one processor; recall is of the ten nearest.

| kind | storage | MiB | built in | recall | ms a question |
|---|---|---|---|---|---|
| flat | fp32, fp16, int8 | 37, 19, 9 | 0.1 s | 1, .999, .992 | 1.7, 1.0, 1.1 |
| hnsw, `ef_search` 64 | fp32, fp16, int8 | 44, 25, 16 | 15, 10, 9 s | .994, .993, .986 | 0.3, 0.2, 0.1 |
| hnsw, `ef_search` 128 | fp32, fp16, int8 | the same | the same | .998, .998, .991 | 0.6, 0.4, 0.3 |
| ivf, an eighth of 395 lists | fp32, fp16, int8 | 75, 38, 19 | 1.4 s | .981, .980, .974 | 0.2, 0.2, 0.2 |
"""

from __future__ import annotations

from math import isqrt

TRAINED_ON = 64
"""Vectors a list that an inverted file's centroids are trained on."""
_BYTES = {"fp32": 4, "fp16": 2, "int8": 1}
"""Storage -> bytes a dimension, most exact first."""
_FLAT_COMPONENTS = 100_000_000


def choose_storage(count: int, width: int, memory: int) -> str:
    """The most exact storage whose vectors fit the memory, in bytes; "int8" where none does."""
    return next((name for name, size in _BYTES.items() if count * width * size <= memory), "int8")


def choose_kind(count: int, width: int, storage: str, m: int, memory: int) -> str:
    """Flat while it is quick; then a graph of `m` links a node while it fits the memory; then lists."""
    if count * width <= _FLAT_COMPONENTS:
        return "flat"
    links = 2 * m  # at the lowest level, of 4 bytes each; the others have few nodes
    return "hnsw" if count * (width * _BYTES[storage] + 4 * links) <= memory else "ivf"


def choose_lists(count: int) -> int:
    """Four times the root of the number of vectors; fewer where centroids would be trained on too few."""
    return max(1, min(4 * isqrt(count), count // TRAINED_ON))
