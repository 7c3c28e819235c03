"""The dense leg: a sentence encoder's vectors of all passages, of one depth or several, in faiss indexes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import IndexCorrupt, IndexNotReady, InvalidInput
from skerry.core.files import atomic_writer, naming_full_disk
from skerry.core.models.adapter_files import CHOICES, Adapter
from skerry.core.models.store import Model
from skerry.retrieval.base import Option
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.embedding import adapter as adapters
from skerry.retrieval.embedding.loading import load_encoder, size_of
from skerry.retrieval.embedding.options import LEAST_DIMENSIONS
from skerry.retrieval.embedding.passage_text import passage_text, text_begin
from skerry.retrieval.embedding.retriever import DenseRetriever
from skerry.retrieval.embedding.shape import Shape, layer_folder
from skerry.retrieval.embedding.starts import STARTS_FILE, starts_of, write_starts
from skerry.retrieval.index.leg import BuiltLeg, Workshop
from skerry.retrieval.options import choice_option, flag_option, integer_option

_KINDS = ("auto", "flat", "hnsw", "ivf")
_STORAGES = ("auto", "fp32", "fp16", "int8")
_VECTORS = ("passage", "stretches")
_DTYPES = ("auto", "bf16", "fp32")
_ALL = "all"
_SHARD_FILE = "vectors.npy"
_ENCODE_ROWS = 4096
_ADD_ROWS = 16_384


class DenseLeg:
    """Finds passages whose vector points the query's way.

    Args:
        model: catalogue name or folder of the encoder.
        index: "flat" (exact), "hnsw" (a graph: faster on large corpora, may miss some), "ivf" (lists: smaller
            than a graph, may miss some), or "auto": see `retrieval.embedding.choose`.
        m: links a node of the graph, 4 to 128.
        ef_construction: candidates for each new node's links, 8 to 2,000.
        dtype: how the encoder computes: "bf16", "fp32", or "auto" (bf16 where the processor has it).
        title: put the page's title before each passage's text.
        layers: after which of the encoder's layers the passages' vectors are taken, with commas where several
            are to be indexed side by side: "6", "3,6"; "all" is the whole encoder.
        dimensions: leading dimensions that are stored, or "all".
        adapter: "none" leaves every model as it is, "shipped" puts the adapter that comes with Skerry on the
            model it was trained on (any other model is left as it is), anything else is a folder that `skerry
            train embedding` left.
        storage: how a number of a vector is stored: "fp32", "fp16", "int8", or "auto": see
            `retrieval.embedding.choose`.
        vectors: "stretches": one of each whole passage and one of every stretch of about 32 tokens in it, of
            which the best counts; "passage": one of each passage.

    Raises:
        InvalidInput: a value outside these.
    """

    name = "dense"

    def __init__(
        self,
        model: str = "all-MiniLM-L6-v2",
        index: str = "auto",
        m: int = 32,
        ef_construction: int = 200,
        dtype: str = "auto",
        title: bool = True,
        layers: str | int = _ALL,
        dimensions: str | int = _ALL,
        adapter: str = "shipped",
        storage: str = "auto",
        vectors: str = "stretches",
    ) -> None:
        given: dict[str, Option] = {
            "index": index,
            "dtype": dtype,
            "storage": storage,
            "vectors": vectors,
            "title": title,
            "m": m,
            "ef_construction": ef_construction,
        }
        self._kind = choice_option(self.name, given, "index", default="auto", choices=_KINDS)
        self._dtype = choice_option(self.name, given, "dtype", default="auto", choices=_DTYPES)
        self._storage = choice_option(self.name, given, "storage", default="auto", choices=_STORAGES)
        self._vectors = choice_option(self.name, given, "vectors", default="stretches", choices=_VECTORS)
        self._title = flag_option(self.name, given, "title", default=True)
        self._m = integer_option(self.name, given, "m", default=32, low=4, high=128)
        self._ef_construction = integer_option(
            self.name, given, "ef_construction", default=200, low=8, high=2000
        )
        self._layers = _depths(layers)
        self._dimensions = _width(dimensions)
        if not isinstance(adapter, str) or not adapter:
            raise InvalidInput(
                f"dense.adapter must be shipped, none or a folder; got {adapter!r}.",
                details={"parameter": "adapter"},
            )
        # The manifest keeps it, for whoever opens the index, wherever that is.
        self._adapter = adapter if adapter in CHOICES else str(Path(adapter).expanduser().absolute())
        self._model = model

    def model(self) -> str | None:
        """The encoder's name."""
        return self._model

    def files_hash(self) -> str:
        """SHA-256 of the adapter's weights, "" without one. Raises as `adapter.load_config`."""
        if self._adapter == "none":
            return ""
        if self._adapter != "shipped":
            return adapters.load_config(Path(self._adapter)).weights_sha256
        there = (adapters.SHIPPED / adapters.CONFIG).is_file()
        return adapters.load_config(adapters.SHIPPED).weights_sha256 if there else ""

    def build_shard(
        self, passages: PassageStore, start: int, stop: int, out: Path, model: Model | None, threads: int
    ) -> None:
        """Encode passages [start, stop): a float32 array of shape (rows, dimensions) a depth.

        Raises:
            InvalidInput: layers or dimensions that the model does not have.
            NotFound, IndexCorrupt: an adapter that is not there, is damaged, or belongs to another model.
        """
        model = _required(model)
        layers, width = self._sizes(model)
        encoder = load_encoder(model, adapters.chosen_adapter(self._adapter, model), self._dtype, threads)
        blocks: dict[int, list[NDArray[np.float32]]] = {depth: [] for depth in layers}
        counts: list[NDArray[np.int64]] = []
        for low in range(start, stop, _ENCODE_ROWS):
            given = [
                (title if self._title else "", text)
                for title, _, text in passages.texts(low, min(low + _ENCODE_ROWS, stop))
            ]
            texts = [passage_text(title, text) for title, text in given]
            if self._vectors == "passage":
                encoded: Mapping[int, NDArray[np.float32]] = encoder.encode_layers(
                    texts, layers, dimensions=width
                )
            else:
                begins = [text_begin(title) for title, _ in given]
                made = encoder.encode_stretches(texts, begins, layers, dimensions=width)
                encoded = made.layers
                counts.append(np.diff(made.starts))
            for depth, rows in encoded.items():
                blocks[depth].append(rows)
        for depth, arrays in blocks.items():
            folder = layer_folder(out, depth)
            folder.mkdir(parents=True, exist_ok=True)
            with naming_full_disk(folder), atomic_writer(folder / _SHARD_FILE) as file:
                np.save(file, np.concatenate([np.empty((0, width), np.float32), *arrays]))
        if self._vectors != "passage":
            write_starts(out, starts_of(counts))

    def assemble(
        self,
        passages: PassageStore,
        shards: Sequence[Path],
        out: Path,
        model: Model | None,
        workshop: Workshop,
    ) -> BuiltLeg:
        """Add the shards' vectors, in order, to one index a depth. For memory see `build_index`."""
        from skerry.core.dtype import resolve_dtype
        from skerry.retrieval.embedding.build import build_index
        from skerry.retrieval.embedding.spec import VectorSpec

        model = _required(model)
        adapter = adapters.chosen_adapter(self._adapter, model)
        layers, width = self._sizes(model)
        asked = VectorSpec(self._kind, self._storage, self._m, self._ef_construction)
        digest = hashlib.sha256()
        rows = len(passages)
        if self._vectors != "passage":
            starts = starts_of([np.diff(np.load(shard / STARTS_FILE)) for shard in shards])
            rows = int(starts[-1])
            digest.update(starts.astype("<i8", copy=False).tobytes())
            out.mkdir(parents=True, exist_ok=True)
            write_starts(out, starts)
        spec = asked.chosen(rows, width)
        with workshop.progress.task("dense", rows * len(layers), "vectors") as task:

            def blocks(depth: int) -> Iterator[NDArray[np.float32]]:
                for shard in shards:
                    array = np.load(layer_folder(shard, depth) / _SHARD_FILE, mmap_mode="r")
                    for low in range(0, len(array), _ADD_ROWS):
                        workshop.deadline.check("indexing vectors")
                        block = np.ascontiguousarray(array[low : low + _ADD_ROWS])
                        digest.update(block.astype("<f4", copy=False).tobytes())
                        yield block
                        task.advance(len(block))

            for depth in layers:
                folder = layer_folder(out, depth)
                folder.mkdir(parents=True, exist_ok=True)
                vectors = blocks(depth)
                build_index(vectors, rows, width, folder, spec, workshop.progress, workshop.deadline)
        parameters: dict[str, Option] = {
            "model": self._model,
            "index": spec.kind,
            "dtype": resolve_dtype(self._dtype),
            "title": self._title,
            "layers": ",".join(map(str, layers)),
            "dimensions": width,
            "adapter": "none" if adapter is None else self._adapter,
            "storage": spec.storage,
            "vectors": self._vectors,
        }
        if spec.kind == "hnsw":
            parameters |= {"m": self._m, "ef_construction": self._ef_construction}
        used = "" if adapter is None else adapter.weights_sha256
        depth = size_of(model).layers
        several = None if self._vectors == "passage" else rows
        Shape(len(passages), width, layers, depth, spec.kind, used, several).write(out)
        digest.update(json.dumps([parameters, used], sort_keys=True).encode())
        return BuiltLeg(parameters, digest.hexdigest())

    def open(self, folder: Path, passages: PassageStore, model: Model | None) -> DenseRetriever:
        """The retriever; vectors and encoder are loaded at the first query.

        Raises:
            IndexCorrupt: files that are missing or do not fit the passages; an adapter that is damaged,
                belongs to another model, or is not the one that the index was built with.
            NotFound: an adapter that is not there.
        """
        model = _required(model)
        shape = Shape.read(folder)
        if shape.count != len(passages):
            raise IndexCorrupt(
                f"The dense index {folder} has {shape.count} passages, the passage store {len(passages)}.",
                hint="Build the index again.",
                details={"path": str(folder)},
            )
        adapter = adapters.chosen_adapter(self._adapter, model) if shape.adapter else None
        _check_adapter(folder, shape.adapter, adapter)
        return DenseRetriever(folder, shape, model, adapter, self._dtype)

    def _sizes(self, model: Model) -> tuple[tuple[int, ...], int]:
        """The depths, ascending, and the width of the stored vectors."""
        size = size_of(model)
        layers, width = self._layers or (size.layers,), self._dimensions or size.dimensions
        for name, value, most in (
            ("layers", layers[-1], size.layers),
            ("dimensions", width, size.dimensions),
        ):
            if value > most:
                raise InvalidInput(
                    f"dense.{name} must be at most {most} for {model.name}; got {value}.",
                    details={"parameter": name},
                )
        return layers, width


def _depths(given: str | int) -> tuple[int, ...] | None:
    """Ascending; None for the whole encoder."""
    if given == _ALL:
        return None
    words = str(given).split(",")
    if isinstance(given, bool) or not all(word.strip().isdecimal() and int(word) for word in words):
        raise InvalidInput(
            f"dense.layers must be all, or whole numbers from 1 with commas between; got {given!r}.",
            details={"parameter": "layers"},
        )
    return tuple(sorted({int(word) for word in words}))


def _width(given: str | int) -> int | None:
    if given == _ALL:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or given < LEAST_DIMENSIONS:
        raise InvalidInput(
            f"dense.dimensions must be all, or a whole number from {LEAST_DIMENSIONS} to the model's width; "
            f"got {given!r}.",
            details={"parameter": "dimensions"},
        )
    return given


def _check_adapter(folder: Path, built_with: str, adapter: Adapter | None) -> None:
    """Vectors of one adapter cannot be compared with those of another."""
    now = "" if adapter is None else adapter.weights_sha256
    if now != built_with:
        where = "there is none now" if adapter is None else f"{adapter.folder} now holds {now[:12]}"
        raise IndexCorrupt(
            f"The dense index {folder} was built with the embedding adapter {built_with[:12]}, but {where}.",
            hint="Build the index again, or put the adapter back.",
            details={"path": str(folder)},
        )


def _required(model: Model | None) -> Model:
    if model is None:
        raise IndexNotReady("The dense leg was called without its encoder model.")
    return model
