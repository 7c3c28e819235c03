"""Texts to unit vectors: a transformers encoder, its states pooled over the mask, batches of like lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from transformers import AutoModel

from skerry.core.deadline import Deadline
from skerry.core.dtype import resolve_dtype, torch_dtype
from skerry.core.errors import IndexCorrupt, InvalidInput
from skerry.core.models import low_rank
from skerry.core.models.loading import load_weights
from skerry.core.models.store import Model
from skerry.kernels.bert import PackedBert
from skerry.retrieval.embedding.adapter import early_factors, early_layers, keeps_whole, whole_factors
from skerry.retrieval.embedding.elastic_network import ElasticNetwork, without_last
from skerry.retrieval.embedding.exits import Exits
from skerry.retrieval.embedding.options import LEAST_DIMENSIONS
from skerry.retrieval.embedding.packed_network import PackedNetwork
from skerry.retrieval.embedding.prefix import leading
from skerry.retrieval.embedding.starts import starts_of
from skerry.retrieval.embedding.stretches import Stretches

MAX_TOKENS = 256
_BATCH_TOKENS = 2048
_WIDTH_STEP = 16
"""Batches are padded to a multiple of this: of few shapes, kernels and buffers are used again."""
_BLOCK_TEXTS = 4096
"""Texts tokenised at a time: bounds memory, and is wide enough to fill batches of one length."""


@dataclass(frozen=True, slots=True)
class StretchVectors:
    """Several vectors a text.

    Attributes:
        layers: rows by depth, unit vectors, float32 of shape (starts[-1], dimensions).
        starts: text n has rows [starts[n], starts[n + 1]): first that of the whole, then those of its
            stretches in order; int64 of shape (texts + 1,).
    """

    layers: Mapping[int, NDArray[np.float32]]
    starts: NDArray[np.int64]


class SentenceEncoder:
    """A sentence embedding model on the CPU, elastic in depth and width. Safe to call from several threads.

    Kusupati et al. 2022, "Matryoshka Representation Learning", and Li et al. 2024, "2D Matryoshka Sentence
    Embeddings": a vector may be made of the states after any layer, and cut to any number of its leading
    dimensions. How good it then is depends on the training: see `retrieval.embedding.adapter`.

    Args:
        model: a transformers folder with `tokenizer.json`.
        dtype: "fp32", "bf16", or "auto": bf16 where the processor multiplies it natively, else fp32.
            Vectors of the two agree to a cosine of about 0.9999; native bf16 is nearly three times as fast,
            and faster still where `PackedNetwork` can run.
        threads: threads for matrix products, set for the whole process; None leaves torch's setting alone.
        batch_tokens: tokens in a batch, padding included.
        adapter: low-rank factors to add to the weights, and exits (`retrieval.embedding.exits`), as
            `retrieval.embedding.adapter.load` gives them; without exits vectors are plain means. Where no
            factor is of the last layer, the whole depth keeps the model's own weights.

    Attributes:
        dimensions: of a whole vector.
        layers: of the whole network.

    Raises:
        InvalidInput: an unknown dtype, or an adapter of another model.
        IndexCorrupt: a model folder that cannot be loaded.
    """

    def __init__(
        self,
        model: Model,
        dtype: str = "auto",
        threads: int | None = None,
        batch_tokens: int = _BATCH_TOKENS,
        adapter: Mapping[str, Tensor] | None = None,
    ) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self.dtype = resolve_dtype(dtype)
        self._batch_tokens = batch_tokens
        path = model.folder / "tokenizer.json"
        try:
            network, early = _networks(model, torch_dtype(dtype), adapter)
            tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise IndexCorrupt(
                f"The model in {model.folder} cannot be loaded: {error}.",
                hint=f"Fetch it again with `skerry models pull {model.name}`.",
                details={"model": model.name, "path": str(model.folder)},
            ) from error
        config = network.config
        packed = self.dtype == "bf16" and PackedBert.can_be(network)
        self._network = (PackedNetwork if packed else ElasticNetwork)(network, model.name, early)
        self.dimensions = self._network.width
        self.layers = self._network.layers
        self._exits = Exits.of(adapter or {}, self.layers, self.dimensions)
        self._padding: int = config.pad_token_id or 0
        tokenizer.no_padding()
        tokenizer.enable_truncation(min(MAX_TOKENS, config.max_position_embeddings))
        self._tokenizer = tokenizer

    def check(self, layers: int | None, dimensions: int | None, where: str = "") -> None:
        """Raise `InvalidInput` for a depth or a width that this model's vectors cannot have.

        Args:
            layers, dimensions: None is the whole of it.
            where: goes before their names in errors: "dense.".
        """
        if layers is not None:
            self._network.check_layers(layers, f"{where}layers")
        if dimensions is not None:
            check_dimensions(dimensions, self.dimensions, f"{where}dimensions")

    def encode(
        self,
        texts: Sequence[str],
        deadline: Deadline | None = None,
        layers: int | None = None,
        dimensions: int | None = None,
    ) -> NDArray[np.float32]:
        """One unit vector a text: float32 of shape (len(texts), dimensions), in the texts' order.

        A text is cut off after 256 tokens. Which texts share a call changes a vector by rounding only.

        Args:
            texts: any number of them.
            deadline: checked between batches.
            layers: how deep the network runs, 1 to all of them; by default all.
            dimensions: leading dimensions that are kept and scaled to unit length again, 8 to all; by default
                all.

        Raises:
            InvalidInput: a text that is no valid Unicode; layers or dimensions that the model does not have.
            DeadlineExceeded, Cancelled: between batches.
        """
        depth = self.layers if layers is None else layers
        return self.encode_layers(texts, [depth], deadline, dimensions)[depth]

    def encode_layers(
        self,
        texts: Sequence[str],
        layers: Sequence[int],
        deadline: Deadline | None = None,
        dimensions: int | None = None,
    ) -> dict[int, NDArray[np.float32]]:
        """Unit vectors at several depths: layers -> float32 of shape (len(texts), dimensions).

        The network runs once, to the deepest; the rest as for `encode`.
        """
        return dict(self._encode(texts, None, layers, deadline, dimensions).layers)

    def encode_stretches(
        self,
        texts: Sequence[str],
        begins: Sequence[int],
        layers: Sequence[int],
        deadline: Deadline | None = None,
        dimensions: int | None = None,
    ) -> StretchVectors:
        """The vectors of whole texts and of their stretches at several depths, in one run of the network.

        A text's token states are pooled over all of it, as `encode` does, and over each of its stretches
        (`retrieval.embedding.stretches`).

        Args:
            begins: of each text, the first character that belongs to a stretch; what stands before it, a
                title, is read and belongs to the whole alone.

        The rest as for `encode_layers`.

        Raises:
            InvalidInput: as `encode`, and unless each text has a beginning.
            DeadlineExceeded, Cancelled: between batches.
        """
        return self._encode(texts, begins, layers, deadline, dimensions)

    def starts(self, texts: Sequence[str], begins: Sequence[int]) -> NDArray[np.int64]:
        """The same as `encode_stretches` gives, without the network. Raises `InvalidInput` likewise."""
        counts = [
            1 + self._tokenize(texts[low : low + _BLOCK_TEXTS], begins[low : low + _BLOCK_TEXTS])[1].counts
            for low in range(0, len(texts), _BLOCK_TEXTS)
        ]
        return starts_of(counts)

    def _encode(
        self,
        texts: Sequence[str],
        begins: Sequence[int] | None,
        layers: Sequence[int],
        deadline: Deadline | None,
        dimensions: int | None,
    ) -> StretchVectors:
        """As `encode_stretches`; without `begins` no text is cut."""
        for depth in layers:
            self.check(depth, None)
        self.check(None, dimensions)
        if begins is not None and len(begins) != len(texts):
            raise InvalidInput(f"There are {len(texts)} texts and {len(begins)} beginnings.")
        width = self.dimensions if dimensions is None else dimensions
        vectors: dict[int, list[NDArray[np.float32]]] = {depth: [] for depth in layers}
        counts = []
        for low in range(0, len(texts) if layers else 0, _BLOCK_TEXTS):
            high = low + _BLOCK_TEXTS
            tokens, stretches = self._tokenize(texts[low:high], None if begins is None else begins[low:high])
            counts.append(1 + stretches.counts)
            starts = starts_of(counts[-1:])
            for made in vectors.values():
                made.append(np.empty((starts[-1], width), np.float32))
            for rows in self._batches(stretches.lengths):
                if deadline is not None:
                    deadline.check("encoding text")
                pooled = self._forward([tokens[row] for row in rows], list(vectors), stretches.take(rows))
                parts = np.arange(pooled[0].shape[1])
                real = parts < counts[-1][rows, None]
                places = (starts[rows, None] + parts)[real]
                for made, batch in zip(vectors.values(), pooled, strict=True):
                    found = batch[real]
                    made[-1][places] = found if width == self.dimensions else leading(found, width)
        return StretchVectors(
            {depth: _joined(made, width) for depth, made in vectors.items()}, starts_of(counts)
        )

    def _tokenize(
        self, texts: Sequence[str], begins: Sequence[int] | None
    ) -> tuple[list[list[int]], Stretches]:
        """Token ids, and how they are cut from the characters `begins` on; None cuts nothing."""
        encode = self._tokenizer.encode_batch_fast if begins is None else self._tokenizer.encode_batch
        try:
            encodings = encode(list(texts))
        except (UnicodeEncodeError, TypeError) as error:
            raise InvalidInput(f"A text cannot be encoded: {error}.", hint="Pass valid Unicode.") from error
        tokens = [encoding.ids for encoding in encodings]
        if begins is None:
            return tokens, Stretches.none([len(ids) for ids in tokens])
        return tokens, Stretches.behind([encoding.offsets for encoding in encodings], begins)

    def _batches(self, lengths: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Row numbers, longest first, in runs whose padded size stays within the batch's tokens."""
        order = np.argsort(-lengths, kind="stable")
        batches, start = [], 0
        while start < len(order):
            size = max(1, self._batch_tokens // _padded(int(lengths[order[start]])))
            batches.append(order[start : start + size])
            start += size
        return batches

    def _forward(
        self, tokens: list[list[int]], layers: Sequence[int], stretches: Stretches
    ) -> list[NDArray[np.float32]]:
        """Unit vectors of one batch at each depth, float32 of shape (batch, parts, self.dimensions).

        Parts as `Stretches.masks` has them.
        """
        width = _padded(max(len(ids) for ids in tokens))
        ids = torch.full((len(tokens), width), self._padding, dtype=torch.long)
        parts = torch.from_numpy(stretches.masks(width))
        mask = parts[:, 0].long()
        for row, sequence in enumerate(tokens):
            ids[row, : len(sequence)] = torch.tensor(sequence, dtype=torch.long)
        if self._exits is None:
            vectors = [_means(states, parts) for states in self._network.states(ids, mask, layers)]
        else:
            words, *states = self._network.states(ids, mask, [0, *layers])
            vectors = self._exits(words, states, layers, parts)
        return [torch.nn.functional.normalize(vector, dim=2).numpy() for vector in vectors]


def check_dimensions(dimensions: int, width: int, what: str = "dimensions") -> None:
    """Raise `InvalidInput`, which calls them `what`, unless they are from 8 to `width`."""
    whole = isinstance(dimensions, int) and not isinstance(dimensions, bool)
    if not whole or not LEAST_DIMENSIONS <= dimensions <= width:
        raise InvalidInput(
            f"{what} must be a whole number from {LEAST_DIMENSIONS} to {width}; got {dimensions!r}.",
            details={"parameter": what},
        )


def _networks(
    model: Model, dtype: torch.dtype, adapter: Mapping[str, Tensor] | None
) -> tuple[Any, Any | None]:
    """The whole network, and that of the depths before the last where these have weights of their own."""
    # An adapter is added to the weights as they were stored, so that the sum is rounded once.
    stored = dtype if adapter is None or dtype == torch.float32 else "auto"
    network = load_weights(AutoModel, model.folder, dtype=stored).eval()
    early = None
    if adapter is not None:
        low_rank.merge(network, whole_factors(adapter))
        if keeps_whole(adapter, network.config.num_hidden_layers):
            early = without_last(network, early_layers(adapter))
        low_rank.merge(network if early is None else early, early_factors(adapter))
    return network.to(dtype), None if early is None else early.to(dtype)


def _joined(blocks: Sequence[NDArray[np.float32]], width: int) -> NDArray[np.float32]:
    return blocks[0] if len(blocks) == 1 else np.concatenate([np.empty((0, width), np.float32), *blocks])


def _means(states: Tensor, parts: Tensor) -> Tensor:
    weights = parts.float()
    return torch.bmm(weights, states.float()) / weights.sum(2, keepdim=True).clamp(min=1.0)


def _padded(length: int) -> int:
    return -(-length // _WIDTH_STEP) * _WIDTH_STEP
