"""Every kind and storage of vector index beside an exact search: what the rule in `choose.py` rests on.

`python -m skerry.benchmarks.elastic.kinds VECTORS.npy QUERIES.npy`, both unit rows of float32.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.embedding.build import build_index
from skerry.retrieval.embedding.faiss_library import one_thread
from skerry.retrieval.embedding.spec import KINDS, STORAGES, SearchOptions, VectorSpec
from skerry.retrieval.embedding.vector_index import VectorIndex

_OPTIONS = {
    "flat": [SearchOptions()],
    "hnsw": [SearchOptions(ef_search=breadth) for breadth in (64, 128, 256)],
    "ivf": [SearchOptions(nprobe=lists) for lists in (None, 8, 16, 32, 64, 128)],
}


@dataclass(frozen=True, slots=True)
class KindRow:
    """One kind and storage, searched in one way.

    Attributes:
        kind: "flat", "hnsw" or "ivf".
        storage: "fp32", "fp16" or "int8".
        options: of the search.
        bytes: of all files.
        build_seconds: of processor time, on one thread.
        recall: the share of the ten nearest vectors that is found.
        milliseconds: of processor time a query, on one thread, one at a time.
    """

    kind: str
    storage: str
    options: SearchOptions
    bytes: int
    build_seconds: float
    recall: float
    milliseconds: float


def kinds_table(
    vectors: NDArray[np.float32], queries: NDArray[np.float32], limit: int = 10
) -> Iterator[KindRow]:
    """Build and search every kind in every storage.

    Args:
        vectors: unit rows, float32 of shape (n, width).
        queries: unit rows, float32 of shape (q, width), at least one.
        limit: results wanted.
    """
    wanted: NDArray[np.int64] | None = None
    for kind in KINDS[1:]:
        for storage in STORAGES[1:]:
            with one_thread(), TemporaryDirectory() as name:
                folder = Path(name)
                spec = VectorSpec(kind, storage, prefix=0)
                start = time.process_time()
                build_index([vectors], len(vectors), vectors.shape[1], folder, spec)
                built = time.process_time() - start
                size = sum(file.stat().st_size for file in folder.iterdir())
                index = VectorIndex(folder)
                for options in _OPTIONS[kind]:
                    found, seconds = _one_at_a_time(index, queries, limit, options)
                    wanted = found if wanted is None else wanted
                    hits = [np.isin(a, b).mean() for a, b in zip(wanted, found, strict=True)]
                    recall = float(np.mean(hits))
                    yield KindRow(kind, storage, options, size, built, recall, 1000 * seconds)


def _one_at_a_time(
    index: VectorIndex, queries: NDArray[np.float32], limit: int, options: SearchOptions
) -> tuple[NDArray[np.int64], float]:
    """Rows found, int64 of shape (q, limit), and seconds a query."""
    index.search(queries, limit, options)
    start = time.process_time()
    found = [index.search(queries[number : number + 1], limit, options)[1] for number in range(len(queries))]
    return np.concatenate(found), (time.process_time() - start) / len(queries)


def main(vectors: Path, queries: Path) -> None:
    """Print the table of two files, a row as it comes."""
    print("kind  storage  ef_search  nprobe   MiB  build s  recall@10  ms a query")
    for row in kinds_table(np.load(vectors), np.load(queries)):
        breadth = row.options.ef_search if row.kind == "hnsw" else ""
        lists = (row.options.nprobe or "auto") if row.kind == "ivf" else ""
        print(
            f"{row.kind:4}  {row.storage:7}  {breadth:9}  {lists:6} {row.bytes / 2**20:5.1f}  "
            f"{row.build_seconds:7.2f}  {row.recall:9.4f}  {row.milliseconds:10.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
