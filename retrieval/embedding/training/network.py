"""The encoder in training: frozen weights, low-rank updates by layer, exits, vectors after every layer.

It runs on a GPU where torch finds one. Frozen weights and activations are bfloat16 where the device
multiplies it; factors are float32. On a CPU attention is written out ("eager"): its backward pass is twice
as fast there as that of the fused form.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils import parametrize
from transformers import AutoModel

from skerry.core.device import best_device
from skerry.core.dtype import torch_dtype
from skerry.core.errors import IndexCorrupt, InvalidInput
from skerry.core.models import low_rank
from skerry.core.models.loading import load_weights
from skerry.core.models.store import Model
from skerry.retrieval.embedding.elastic_network import POST_NORM
from skerry.retrieval.embedding.exits import Exits
from skerry.retrieval.embedding.training.start import (
    WORD_SHARE,
    start_early_maps,
    start_importance,
    start_maps,
)

_CHUNK_TOKENS = {"cpu": 2304, "cuda": 65_536}
_WIDTH_STEP = 8
_IDS = 4096
_Forward: TypeAlias = Callable[[Tensor, Tensor], list[Tensor]]


class TrainableEncoder:
    """A sentence encoder whose vectors after every layer have gradients.

    Args:
        base: the encoder.
        ranks: of the low-rank factors, one a layer, or one for all; none at all leaves the encoder as it is,
            and its vectors are plain means of the states.
        seed: of the factors.
        keep_whole: vectors of the whole depth are kept as they are, but for a turn; factors are of the layers
            before the last, for the exits there, and the last one's rank counts for nothing.
        below: tensors of an adapter of the whole size; the encoder with it is what is kept and started from.

    Attributes:
        layers, width: of the model.
        factors: what is trained of its weights.
        exits: what is trained of how its states become vectors, None without ranks.
        device: where all of it lies, and the vectors that it gives.

    Raises:
        InvalidInput: an encoder whose layers cannot each be the last, or ranks that are not one a layer.
        IndexCorrupt: a model folder that cannot be loaded.
    """

    def __init__(
        self,
        base: Model,
        ranks: Sequence[int],
        seed: int,
        keep_whole: bool = False,
        below: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.device = best_device()
        try:
            self._network: Any = _untrained(base, self.device, below)
            self._whole: Any = _untrained(base, self.device, below) if keep_whole else None
            self._tokenizer = Tokenizer.from_str((base.folder / "tokenizer.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise IndexCorrupt(
                f"The model in {base.folder} cannot be loaded: {error}.",
                hint=f"Fetch it again with `skerry models pull {base.name}`.",
                details={"model": base.name, "path": str(base.folder)},
            ) from error
        config = self._network.config
        if config.model_type not in POST_NORM:
            raise InvalidInput(
                f"{base.name} is of the kind {config.model_type}, whose layers cannot each be the last.",
                hint=f"Kinds that can be trained are {', '.join(POST_NORM)}.",
            )
        layers = self._network.encoder.layer
        self.layers, self.width = len(layers), int(config.hidden_size)
        self._tokenizer.no_padding()
        self._padding = config.pad_token_id or 0
        self._longest = int(config.max_position_embeddings)
        self.factors: list[nn.Parameter] = []
        self._below = below is not None
        self.exits = self._exits(below or {}).to(self.device) if ranks else None
        if ranks:
            each = list(ranks) * (self.layers if len(ranks) == 1 else 1)
            if len(each) != self.layers:
                raise InvalidInput(
                    f"There are {len(each)} ranks for the {self.layers} layers of {base.name}.",
                    hint="Give one rank a layer, or one for all.",
                )
            if keep_whole:
                del layers[-1], each[-1]
            for number, (layer, rank) in enumerate(zip(layers, each, strict=True)):
                self.factors += low_rank.attach(layer, rank, seed * self.layers + number)

    def _exits(self, below: Mapping[str, Tensor]) -> Exits:
        exits = Exits.of(below, self.layers, self.width)
        if exits is None:
            return Exits(self.layers, self.width)
        exits.requires_grad_(True)
        # The whole depth's vectors, which are kept, have a share of the words that it weights.
        exits.lexical.requires_grad_(False)
        return exits

    def tokens(self, texts: Sequence[str], longest: int) -> list[NDArray[np.int32]]:
        """Each text's token ids, special ones included, cut to `longest`: int32 of shape (length,).

        Raises:
            InvalidInput: a text that is no valid Unicode.
        """
        self._tokenizer.enable_truncation(min(longest, self._longest))
        try:
            encodings = self._tokenizer.encode_batch_fast(list(texts))
        except (UnicodeEncodeError, TypeError) as error:
            raise InvalidInput(f"A text cannot be encoded: {error}.", hint="Pass valid Unicode.") from error
        return [np.array(encoding.ids, np.int32) for encoding in encodings]

    @torch.no_grad()
    def weaken(self, strength: float) -> None:
        """Keep the share `strength` of what the factors add to the weights."""
        for factor in self.factors[1::2]:  # A and B take turns
            factor.mul_(strength)

    def step(self) -> AbstractContextManager[None]:
        """Within it, the updated weights are formed once, however many calls of `pooled` there are."""
        return parametrize.cached()

    def vectors(self, sequences: Sequence[NDArray[np.int32]]) -> list[Tensor]:
        """The vectors after each layer, first to last: float32 of shape (len(sequences), width)."""
        return self._by_chunk(sequences, self._vectors)

    @torch.no_grad()
    def whole(self, sequences: Sequence[NDArray[np.int32]]) -> Tensor:
        """Vectors of the kept whole depth, which alone runs: float32 of shape (len(sequences), width)."""
        assert self._whole is not None and self.exits is not None
        exits = self.exits

        def forward(ids: Tensor, mask: Tensor) -> list[Tensor]:
            words = self._network.embeddings(input_ids=ids)
            last = self._whole(input_ids=ids, attention_mask=mask).last_hidden_state
            return exits(words, [last], [self.layers], mask)  # type: ignore[no-any-return]

        [vectors] = self._by_chunk(sequences, forward)
        return vectors

    @torch.no_grad()
    def start(self, sample: Sequence[NDArray[np.int32]], texts: Collection[NDArray[np.int32]]) -> None:
        """Set the exits to their closed form (`training.start`).

        Args:
            sample: of all texts, from which the maps come.
            texts: in which rare words are told from frequent ones.
        """
        assert self.exits is not None
        documents = np.zeros(self._network.config.vocab_size, np.int64)
        for ids in texts:
            documents[np.unique(ids)] += 1
        every = torch.arange(len(documents), device=self.device)[:, None]
        words = torch.cat([self._network.embeddings(input_ids=ids)[:, 0] for ids in torch.split(every, _IDS)])
        if self._below:
            start_importance(self.exits, words.float(), documents, len(texts), range(self.layers - 1))
            lexical, *pooled = self._by_chunk(sample, self._pooled)
            start_early_maps(self.exits, lexical, pooled, normalize(self.whole(sample), dim=1))
            return
        start_importance(self.exits, words.float(), documents, len(texts))
        lexical, *pooled = self._by_chunk(sample, self._pooled)
        start_maps(self.exits, lexical, pooled, WORD_SHARE if self._whole is None else 0.0)

    def _by_chunk(self, sequences: Sequence[NDArray[np.int32]], forward: _Forward) -> list[Tensor]:
        """What `forward` makes of all sequences, those of like lengths together, in the order given."""
        order = sorted(range(len(sequences)), key=lambda row: -len(sequences[row]))
        parts: list[list[Tensor]] = []
        start = 0
        while start < len(order):
            longest = _padded(len(sequences[order[start]]))
            end = min(len(order), start + max(1, _CHUNK_TOKENS[self.device] // longest))
            # Of what is beside a long sequence no more than half is padding.
            while 2 * _padded(len(sequences[order[end - 1]])) < longest:
                end -= 1
            parts.append(forward(*self._padded([sequences[row] for row in order[start:end]])))
            start = end
        back = torch.empty(len(order), dtype=torch.long, device=self.device)
        back[torch.tensor(order, device=self.device)] = torch.arange(len(order), device=self.device)
        return [torch.cat(states)[back] for states in zip(*parts, strict=True)]

    def state(self) -> dict[str, Tensor]:
        """The factors by the layers' names in the whole network, and the exits."""
        exits = self.exits.tensors() if self.exits is not None else {}
        return {name: tensor.cpu() for name, tensor in (low_rank.state(self._network) | exits).items()}

    def _padded(self, sequences: Sequence[NDArray[np.int32]]) -> tuple[Tensor, Tensor]:
        """Ids and mask. The longest sequence comes first."""
        width = _padded(len(sequences[0]))
        ids = torch.full((len(sequences), width), self._padding, dtype=torch.long)
        mask = torch.zeros(len(sequences), width, dtype=torch.long)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = torch.from_numpy(sequence)
            mask[row, : len(sequence)] = 1
        return ids.to(self.device), mask.to(self.device)

    def _states(self, ids: Tensor, mask: Tensor) -> list[Tensor]:
        """States of the embeddings and after every layer."""
        output = self._network(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        states = list(output.hidden_states)
        if self._whole is not None:
            with torch.no_grad():
                states.append(self._whole(input_ids=ids, attention_mask=mask).last_hidden_state)
        return states

    def _vectors(self, ids: Tensor, mask: Tensor) -> list[Tensor]:
        states = self._states(ids, mask)
        if self.exits is not None:
            vectors: list[Tensor] = self.exits(states[0], states[1:], range(1, self.layers + 1), mask)
            if self._whole is not None:
                vectors[-1] = vectors[-1].detach()
            return vectors
        weights = mask[:, :, None].float()
        return [(state.float() * weights).sum(1) / weights.sum(1) for state in states[1:]]

    def _pooled(self, ids: Tensor, mask: Tensor) -> list[Tensor]:
        assert self.exits is not None
        states = self._states(ids, mask)
        lexical, pooled = self.exits.pooled(states[0], states[1:], range(1, self.layers + 1), mask)
        return [lexical, *pooled]


def _untrained(base: Model, device: str, below: Mapping[str, Tensor] | None) -> Any:
    network = load_weights(
        AutoModel,
        base.folder,
        dtype=torch_dtype("auto", device) if below is None else torch.float32,
        attn_implementation="eager" if device == "cpu" else "sdpa",
    )
    low_rank.merge(network, below or {})
    return network.to(device, torch_dtype("auto", device)).eval().requires_grad_(False)


def _padded(length: int) -> int:
    return -(-length // _WIDTH_STEP) * _WIDTH_STEP
