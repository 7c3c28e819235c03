"""Texts to unit vectors: a transformers encoder, its states pooled over the mask, batches of like lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from skerry.retrieval.embedding.adapter import early_factors, keeps_whole, whole_factors
from skerry.retrieval.embedding.elastic_network import ElasticNetwork, without_last
from skerry.retrieval.embedding.exits import Exits
from skerry.retrieval.embedding.options import LEAST_DIMENSIONS
from skerry.retrieval.embedding.packed_network import PackedNetwork
from skerry.retrieval.embedding.prefix import leading

MAX_TOKENS = 256
_BATCH_TOKENS = 2048
_WIDTH_STEP = 16
"""Batches are padded to a multiple of this: of few shapes, kernels and buffers are used again."""
_BLOCK_TEXTS = 4096
"""Texts tokenised at a time: bounds memory, and is wide enough to fill batches of one length."""


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
        for depth in layers:
            self.check(depth, None)
        self.check(None, dimensions)
        width = self.dimensions if dimensions is None else dimensions
        vectors = {depth: np.empty((len(texts), width), np.float32) for depth in layers}
        for start in range(0, len(texts) if layers else 0, _BLOCK_TEXTS):
            tokens = self._tokenize(texts[start : start + _BLOCK_TEXTS])
            for rows in self._batches([len(ids) for ids in tokens]):
                if deadline is not None:
                    deadline.check("encoding text")
                pooled = self._forward([tokens[row] for row in rows], list(vectors))
                for whole, batch in zip(vectors.values(), pooled, strict=True):
                    whole[start + rows] = batch if width == self.dimensions else leading(batch, width)
        return vectors

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        try:
            return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]
        except (UnicodeEncodeError, TypeError) as error:
            raise InvalidInput(f"A text cannot be encoded: {error}.", hint="Pass valid Unicode.") from error

    def _batches(self, lengths: list[int]) -> list[NDArray[np.int64]]:
        """Row numbers, longest first, in runs whose padded size stays within the batch's tokens."""
        order = np.argsort(-np.array(lengths, np.int64), kind="stable")
        batches, start = [], 0
        while start < len(order):
            size = max(1, self._batch_tokens // _padded(lengths[order[start]]))
            batches.append(order[start : start + size])
            start += size
        return batches

    def _forward(self, tokens: list[list[int]], layers: Sequence[int]) -> list[NDArray[np.float32]]:
        """Pooled unit vectors of one batch at each depth, float32 of shape (batch, self.dimensions)."""
        width = _padded(max(len(ids) for ids in tokens))
        ids = torch.full((len(tokens), width), self._padding, dtype=torch.long)
        mask = torch.zeros((len(tokens), width), dtype=torch.long)
        for row, sequence in enumerate(tokens):
            ids[row, : len(sequence)] = torch.tensor(sequence, dtype=torch.long)
            mask[row, : len(sequence)] = 1
        if self._exits is None:
            vectors = [_mean(states, mask) for states in self._network.states(ids, mask, layers)]
        else:
            words, *states = self._network.states(ids, mask, [0, *layers])
            vectors = self._exits(words, states, layers, mask)
        return [torch.nn.functional.normalize(vector, dim=1).numpy() for vector in vectors]


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
        early = without_last(network) if keeps_whole(adapter, network.config.num_hidden_layers) else None
        low_rank.merge(network if early is None else early, early_factors(adapter))
    return network.to(dtype), None if early is None else early.to(dtype)


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    weights = mask.unsqueeze(-1).float()
    return (states.float() * weights).sum(1) / weights.sum(1).clamp(min=1.0)


def _padded(length: int) -> int:
    return -(-length // _WIDTH_STEP) * _WIDTH_STEP
