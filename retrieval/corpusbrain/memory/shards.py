"""The passages' vectors as a build leaves them: an array a shard."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skerry.core.files import atomic_writer, naming_full_disk
from skerry.core.models.store import Model
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.embedding.loading import load_encoder
from skerry.retrieval.embedding.passage_text import passage_text

_FILE = "vectors.npy"
_ENCODE_ROWS = 4096


def encode_shard(
    passages: PassageStore, start: int, stop: int, out: Path, model: Model, threads: int
) -> None:
    """Write the vectors of passages [start, stop) to the folder `out`: float16 (stop - start, width)."""
    encoder = load_encoder(model, None, "auto", threads)
    vectors = np.empty((stop - start, encoder.dimensions), np.float16)
    for low in range(start, stop, _ENCODE_ROWS):
        high = min(low + _ENCODE_ROWS, stop)
        texts = [passage_text(title, text) for title, _, text in passages.texts(low, high)]
        vectors[low - start : high - start] = encoder.encode(texts)
    with naming_full_disk(out), atomic_writer(out / _FILE) as file:
        np.save(file, vectors)


class ShardVectors:
    """Reads the vectors of all passages from shards, in corpus order, through memory maps."""

    def __init__(self, shards: Sequence[Path]) -> None:
        self._arrays = [np.load(shard / _FILE, mmap_mode="r") for shard in shards]
        self._starts = np.cumsum([0, *map(len, self._arrays)]).tolist()

    def rows(self, low: int, high: int) -> NDArray[np.float32]:
        """Those of passages [low, high), float32 (high - low, width)."""
        first = bisect_right(self._starts, low) - 1
        parts = []
        for start, array in zip(self._starts[first:], self._arrays[first:], strict=False):
            if start >= high:
                break
            parts.append(array[max(0, low - start) : high - start])
        return np.concatenate(parts).astype(np.float32)
