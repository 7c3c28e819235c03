"""The dense leg: a sentence encoder's vectors of all passages, in a faiss index."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.errors import IndexCorrupt, IndexNotReady, InvalidInput
from skerry.core.files import atomic_writer, naming_full_disk, write_atomically
from skerry.core.importing import import_whole
from skerry.core.models.store import Model
from skerry.retrieval.base import Candidates, Option
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.index.leg import BuiltLeg, Workshop
from skerry.retrieval.options import check_option_names, integer_option

if TYPE_CHECKING:
    from skerry.retrieval.embedding.encoder import SentenceEncoder
    from skerry.retrieval.embedding.faiss_index import VectorIndex

_KINDS = ("flat", "hnsw")
_DTYPES = ("auto", "bf16", "fp32")
_SHARD_FILE = "vectors.npy"
_INDEX_FILE = "vectors.faiss"
_SHAPE_FILE = "shape.json"
_ENCODE_ROWS = 4096
_ADD_ROWS = 16_384
_EF_SEARCH = 128


class DenseLeg:
    """Finds passages whose vector points the query's way.

    Args:
        model: catalogue name or folder of the encoder.
        index: "flat" (exact) or "hnsw" (a graph: faster on large corpora, may miss some).
        m: links a node of the graph, 4 to 128.
        ef_construction: candidates for each new node's links, 8 to 2,000.
        dtype: how the encoder computes: "bf16", "fp32", or "auto" (bf16 where the processor has it).
        title: put the page's title before each passage's text.

    Raises:
        InvalidInput: a value outside these.
    """

    name = "dense"

    def __init__(
        self,
        model: str = "all-MiniLM-L6-v2",
        index: str = "flat",
        m: int = 32,
        ef_construction: int = 200,
        dtype: str = "auto",
        title: bool = True,
    ) -> None:
        for parameter, value, known in (("index", index, _KINDS), ("dtype", dtype, _DTYPES)):
            if value not in known:
                raise InvalidInput(
                    f"dense.{parameter} must be one of {', '.join(known)}; got {value!r}.",
                    details={"parameter": parameter},
                )
        if not isinstance(title, bool):
            raise InvalidInput(
                f"dense.title must be true or false; got {title!r}.", details={"parameter": "title"}
            )
        given: Mapping[str, Option] = {"m": m, "ef_construction": ef_construction}
        self._m = integer_option("dense", given, "m", default=32, low=4, high=128)
        self._ef_construction = integer_option(
            "dense", given, "ef_construction", default=200, low=8, high=2000
        )
        self._model, self._kind, self._dtype, self._title = model, index, dtype, title

    def model(self) -> str | None:
        """The encoder's name."""
        return self._model

    def build_shard(
        self, passages: PassageStore, start: int, stop: int, out: Path, model: Model | None, threads: int
    ) -> None:
        """Encode passages [start, stop) into a float32 array of shape (stop - start, dimensions)."""
        encoder = _encoder(_required(model), self._dtype, threads)
        vectors = np.empty((stop - start, encoder.dimensions), np.float32)
        for low in range(start, stop, _ENCODE_ROWS):
            high = min(low + _ENCODE_ROWS, stop)
            texts = [
                f"{title}. {text}" if self._title and title else text
                for title, _, text in passages.texts(low, high)
            ]
            vectors[low - start : high - start] = encoder.encode(texts)
        out.mkdir(parents=True, exist_ok=True)
        with naming_full_disk(out), atomic_writer(out / _SHARD_FILE) as file:
            np.save(file, vectors)

    def assemble(
        self,
        passages: PassageStore,
        shards: Sequence[Path],
        out: Path,
        model: Model | None,
        workshop: Workshop,
    ) -> BuiltLeg:
        """Add the shards' vectors, in order, to one index. Needs memory for the vectors, once."""
        from skerry.core.dtype import resolve_dtype
        from skerry.retrieval.embedding.faiss_index import build_flat, build_hnsw

        out.mkdir(parents=True, exist_ok=True)
        arrays = [np.load(shard / _SHARD_FILE, mmap_mode="r") for shard in shards]
        dimensions = arrays[0].shape[1] if arrays else 0
        digest = hashlib.sha256()
        with naming_full_disk(out), workshop.progress.task("dense", len(passages), "passages") as task:

            def blocks() -> Iterator[NDArray[np.float32]]:
                for array in arrays:
                    for low in range(0, len(array), _ADD_ROWS):
                        block = np.ascontiguousarray(array[low : low + _ADD_ROWS])
                        digest.update(block.astype("<f4", copy=False).tobytes())
                        yield block
                        task.advance(len(block))

            path = out / _INDEX_FILE
            if self._kind == "flat":
                build_flat(blocks(), dimensions, path)
            else:
                build_hnsw(blocks(), dimensions, path, self._m, self._ef_construction)
        parameters: dict[str, Option] = {
            "model": self._model,
            "index": self._kind,
            "dtype": resolve_dtype(self._dtype),
            "title": self._title,
        }
        if self._kind == "hnsw":
            parameters |= {"m": self._m, "ef_construction": self._ef_construction}
        shape = {"count": sum(len(array) for array in arrays), "dimensions": dimensions, "index": self._kind}
        write_atomically(out / _SHAPE_FILE, json.dumps(shape).encode())
        digest.update(json.dumps(parameters, sort_keys=True).encode())
        return BuiltLeg(parameters, digest.hexdigest())

    def open(self, folder: Path, passages: PassageStore, model: Model | None) -> DenseRetriever:
        """The retriever; the vectors and the encoder are loaded at the first query.

        Raises:
            IndexCorrupt: files that are missing or do not fit the passages.
        """
        path = folder / _INDEX_FILE
        try:
            shape = json.loads((folder / _SHAPE_FILE).read_bytes())
            count, dimensions = int(shape["count"]), int(shape["dimensions"])
            size = path.stat().st_size
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexCorrupt(
                f"The dense index in {folder} cannot be opened: {error}.",
                hint="Build the index again.",
                details={"path": str(folder)},
            ) from error
        if count != len(passages) or size < 4 * count * dimensions:
            raise IndexCorrupt(
                f"The dense index {path} ({size} bytes, {count} vectors of {dimensions}) does not fit the"
                f" passage store's {len(passages)} passages.",
                hint="Build the index again.",
                details={"path": str(path)},
            )
        return DenseRetriever(path, self._kind, _required(model), self._dtype)


class DenseRetriever:
    """The opened leg. Options: `ef_search` (HNSW only)."""

    name = "dense"

    def __init__(self, path: Path, kind: str, model: Model, dtype: str) -> None:
        self._path, self._kind, self._model, self._dtype = path, kind, model, dtype
        self._lock = threading.Lock()
        self._loaded: tuple[SentenceEncoder, VectorIndex] | None = None
        self._closed = False

    def retrieve(
        self,
        queries: Sequence[str],
        limit: int,
        options: Mapping[str, Option],
        deadline: Deadline,
        within: NDArray[np.int64] | None = None,
    ) -> list[Candidates]:
        """See `Retriever.retrieve`. Scores are cosines; equal ones are ordered by ordinal."""
        known = {"ef_search": "whole number from 1 to 10000"} if self._kind == "hnsw" else {}
        check_option_names(self.name, options, known)
        ef_search = integer_option(self.name, options, "ef_search", default=_EF_SEARCH, low=1, high=10_000)
        encoder, index = self._load()
        deadline.check("loading the dense index")
        vectors = encoder.encode(queries, deadline)
        deadline.check("searching the dense index")
        products, rows = index.search(vectors, limit, ef_search, within)
        return [_candidates(scores, ordinals) for scores, ordinals in zip(products, rows, strict=True)]

    def close(self) -> None:
        """Let the index and the encoder go, once the searches that run now have ended."""
        with self._lock:
            self._loaded, self._closed = None, True

    def _load(self) -> tuple[SentenceEncoder, VectorIndex]:
        with self._lock:
            if self._closed:
                raise IndexNotReady("The dense leg was closed.", hint="Open the index again.")
            if self._loaded is None:
                from skerry.retrieval.embedding.faiss_index import VectorIndex

                self._loaded = _encoder(self._model, self._dtype, None), VectorIndex(self._path)
            return self._loaded


def _candidates(scores: NDArray[np.float32], ordinals: NDArray[np.int64]) -> Candidates:
    found = ordinals >= 0
    scores, ordinals = scores[found], ordinals[found]
    order = np.lexsort((ordinals, -scores))
    return Candidates(ordinals[order], scores[order])


@lru_cache(maxsize=1)
def _encoder(model: Model, dtype: str, threads: int | None) -> SentenceEncoder:
    """Kept for the next shard of the same build, or for the next index that is opened with this model."""
    import_whole("transformers")
    from skerry.retrieval.embedding.encoder import SentenceEncoder

    return SentenceEncoder(model, dtype, threads)


def _required(model: Model | None) -> Model:
    if model is None:
        raise IndexNotReady("The dense leg was called without its encoder model.")
    return model
