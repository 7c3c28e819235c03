"""Building a vector index: the vectors, an index over them, and one over their leading dimensions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.files import naming_full_disk, write_atomically
from skerry.core.progress import Progress, SilentProgress
from skerry.retrieval.embedding.choose import TRAINED_ON
from skerry.retrieval.embedding.faiss_file import write
from skerry.retrieval.embedding.faiss_library import faiss, one_thread
from skerry.retrieval.embedding.flat import FlatVectors, empty_flat
from skerry.retrieval.embedding.funnel import over_prefix
from skerry.retrieval.embedding.hnsw import empty_hnsw
from skerry.retrieval.embedding.ivf import empty_ivf
from skerry.retrieval.embedding.spec import VectorSpec

FLAT_FILE = "vectors.faiss"
SEARCH_FILE = "search.faiss"
PREFIX_FILE = "prefix.faiss"
SHAPE_FILE = "vectors.json"
_ADD_ROWS = 2048
_SAMPLE = 65_536


def build_index(
    blocks: Iterable[NDArray[np.float32]],
    count: int,
    width: int,
    folder: Path,
    spec: VectorSpec,
    progress: Progress | None = None,
    deadline: Deadline | None = None,
) -> None:
    """Write a vector index, the same files for the same vectors and spec every time.

    Needs memory for the vectors as they are stored, and again with a graph or lists.

    Args:
        blocks: unit rows in order, float32 of shape (n, width) each; read once.
        count: rows of all blocks.
        width: length of a vector.
        folder: exists; gets the files.
        spec: what to build.
        progress: of the graphs or lists, which take longer than the vectors.
        deadline: checked between blocks.

    Raises:
        InvalidInput: a prefix longer than the vectors.
        BackendUnavailable: the disk fails.
        DeadlineExceeded, Cancelled: see `deadline`.
    """
    progress, deadline = progress or SilentProgress(), deadline or Deadline()
    spec = spec.chosen(count, width)
    with naming_full_disk(folder), one_thread():
        (folder / SHAPE_FILE).unlink(missing_ok=True)  # written last: it vouches for the other files
        write(_stored(blocks, width, spec.storage), folder / FLAT_FILE)
        flat = FlatVectors(folder / FLAT_FILE)
        if spec.kind != "flat":
            index = _empty(spec, width)
            _fill(index, flat, spec, progress, deadline)
            write(index, folder / SEARCH_FILE, faiss.IO_FLAG_SKIP_STORAGE)
        if spec.prefix:
            index = over_prefix(width, _empty(spec, spec.prefix))
            _fill(index, flat, spec, progress, deadline)
            write(index, folder / PREFIX_FILE)
        shape = {"count": count, "width": width, **asdict(spec)}
        write_atomically(folder / SHAPE_FILE, json.dumps(shape).encode())


def _stored(blocks: Iterable[NDArray[np.float32]], width: int, storage: str) -> Any:
    """All vectors as one faiss index; a quantiser is trained on the first of them."""
    index = empty_flat(width, storage)
    blocks = iter(blocks)
    if not index.is_trained:
        first = _first(blocks)
        index.train(first)
        blocks = chain([first], blocks)
    for block in blocks:
        index.add(block)
    return index


def _first(blocks: Iterator[NDArray[np.float32]]) -> NDArray[np.float32]:
    taken = [next(blocks)]
    while sum(map(len, taken)) < _SAMPLE and (block := next(blocks, None)) is not None:
        taken.append(block)
    return np.concatenate(taken)


def _empty(spec: VectorSpec, width: int) -> Any:
    if spec.kind == "hnsw":
        return empty_hnsw(width, spec.storage, spec.m, spec.ef_construction)
    if spec.kind == "ivf":
        return empty_ivf(width, spec.storage, spec.lists)
    return empty_flat(width, spec.storage)


def _fill(index: Any, flat: FlatVectors, spec: VectorSpec, progress: Progress, deadline: Deadline) -> None:
    """Train where that is needed, and add all vectors: in blocks of one size, which shapes a graph."""
    if not index.is_trained:
        sampled = min(flat.count, max(_SAMPLE, TRAINED_ON * spec.lists))
        index.train(flat.take(np.linspace(0, flat.count - 1, sampled).astype(np.int64)))
    with progress.task(f"{spec.kind} index", flat.count, "vectors") as task:
        for low in range(0, flat.count, _ADD_ROWS):
            deadline.check("building a vector index")
            rows = flat.rows(low, min(low + _ADD_ROWS, flat.count))
            index.add(rows)
            task.advance(len(rows))
