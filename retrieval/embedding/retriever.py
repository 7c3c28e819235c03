"""The opened dense leg: queries in, the passages whose vectors point their way out."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.errors import IndexNotReady
from skerry.core.models.adapter_files import Adapter
from skerry.core.models.store import Model
from skerry.retrieval.base import Candidates, Option
from skerry.retrieval.embedding.loading import load_encoder
from skerry.retrieval.embedding.options import DenseOptions
from skerry.retrieval.embedding.shape import Shape, layer_folder
from skerry.retrieval.embedding.starts import read_starts

if TYPE_CHECKING:
    from skerry.retrieval.embedding.encoder import SentenceEncoder
    from skerry.retrieval.embedding.vector_index import VectorIndex


class DenseRetriever:
    """The opened leg. For its options see `DenseLeg` in the gRPC contract.

    The encoder and each depth's vectors are loaded at the first query that needs them.

    Attributes:
        shape: what is indexed.
    """

    name = "dense"

    def __init__(self, folder: Path, shape: Shape, model: Model, adapter: Adapter | None, dtype: str) -> None:
        self.shape = shape
        self._folder = folder
        self._model, self._adapter, self._dtype = model, adapter, dtype
        self._lock = threading.Lock()
        self._encoder: SentenceEncoder | None = None
        self._indexes: dict[int, VectorIndex] = {}
        self._starts: NDArray[np.int64] | None = None
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
        chosen = DenseOptions.of(options, self.shape)
        encoder, index, starts = self._load(chosen.document_layers)
        deadline.check("loading the dense index")
        vectors = encoder.encode(queries, deadline, chosen.layers, self.shape.dimensions)
        deadline.check("searching the dense index")
        if starts is None:
            cosines, found = index.search(vectors, limit, chosen.search, within)
        else:
            from skerry.retrieval.embedding.by_passage import search_passages

            cosines, found = search_passages(index, starts, vectors, limit, chosen.search, within)
        return [_candidates(scores, ordinals) for scores, ordinals in zip(cosines, found, strict=True)]

    def close(self) -> None:
        """Let the indexes and the encoder go, once the searches that run now have ended."""
        with self._lock:
            self._encoder, self._indexes, self._starts, self._closed = None, {}, None, True

    def _load(self, layers: int) -> tuple[SentenceEncoder, VectorIndex, NDArray[np.int64] | None]:
        with self._lock:
            if self._closed:
                raise IndexNotReady("The dense leg was closed.", hint="Open the index again.")
            if self._encoder is None:
                self._encoder = load_encoder(self._model, self._adapter, self._dtype)
            if self._starts is None and self.shape.rows is not None:
                self._starts = read_starts(self._folder, self.shape.count, self.shape.rows)
            if layers not in self._indexes:
                self._indexes[layers] = self._open(layers)
            return self._encoder, self._indexes[layers], self._starts

    def _open(self, layers: int) -> VectorIndex:
        from skerry.retrieval.embedding.faiss_file import damaged
        from skerry.retrieval.embedding.vector_index import VectorIndex

        folder = layer_folder(self._folder, layers)
        index = VectorIndex(folder)
        wanted = self.shape.count if self.shape.rows is None else self.shape.rows
        if index.count != wanted:
            raise damaged(folder, f"it has {index.count} vectors, where {wanted} are expected")
        return index


def _candidates(scores: NDArray[np.float32], ordinals: NDArray[np.int64]) -> Candidates:
    found = ordinals >= 0
    scores, ordinals = scores[found], ordinals[found]
    order = np.lexsort((ordinals, -scores))
    return Candidates(ordinals[order], scores[order])
