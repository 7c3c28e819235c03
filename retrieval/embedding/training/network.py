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
from tokenizers import Encoding, Tokenizer
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
from skerry.retrieval.embedding.adapter import EARLY_LAYERS
from skerry.retrieval.embedding.elastic_network import POST_NORM, first_layers, without_last
from skerry.retrieval.embedding.exits import Exits
from skerry.retrieval.embedding.starts import starts_of
from skerry.retrieval.embedding.stretches import Stretches
from skerry.retrieval.embedding.training.start import (
    WORD_SHARE,
    spread,
    start_early_maps,
    start_importance,
    start_maps,
)
from skerry.retrieval.embedding.training.texts import CutText

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
        early_layers: with `keep_whole`, which of the model's layers, from 1, those before the last begin as;
            None for those of `start.spread`.
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
        early_layers: Sequence[int] | None = None,
    ) -> None:
        self.device = best_device()
        try:
            self._network: Any = _untrained(base, self.device, below)
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
        self.layers, self.width = len(self._network.encoder.layer), int(config.hidden_size)
        self._whole: Any = None
        self._early_layers: tuple[int, ...] = ()
        if keep_whole:
            self._early_layers = tuple(early_layers or spread(self.layers))
            self._whole = self._network
            self._network = without_last(self._whole, self._early_layers)
        layers = self._network.encoder.layer
        # Hooks of its own: transformers' `output_hidden_states` counts layers twice that two networks share.
        self._seen: list[Tensor] = []
        for module in (self._network.embeddings, *layers):
            module.register_forward_hook(self._keep)
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
                del each[-1]
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
        return self._ids_of(self._encodings(texts, longest))

    def cut_tokens(self, texts: Sequence[CutText], longest: int) -> tuple[list[NDArray[np.int32]], Stretches]:
        """As `tokens`, and which stretches they are cut into. Raises likewise."""
        encodings = self._encodings([text.text for text in texts], longest, offsets=True)
        offsets = [encoding.offsets for encoding in encodings]
        return self._ids_of(encodings), Stretches.behind(offsets, [text.begin for text in texts])

    def _encodings(self, texts: Sequence[str], longest: int, offsets: bool = False) -> list[Encoding]:
        self._tokenizer.enable_truncation(min(longest, self._longest))
        encode = self._tokenizer.encode_batch if offsets else self._tokenizer.encode_batch_fast
        try:
            return encode(list(texts))
        except (UnicodeEncodeError, TypeError) as error:
            raise InvalidInput(f"A text cannot be encoded: {error}.", hint="Pass valid Unicode.") from error

    @staticmethod
    def _ids_of(encodings: Sequence[Encoding]) -> list[NDArray[np.int32]]:
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
        vectors = self.cut_vectors(sequences, None, len(self._network.encoder.layer))
        return vectors if self._whole is None else [*vectors, self.whole(sequences)]

    def cut_vectors(
        self, sequences: Sequence[NDArray[np.int32]], stretches: Stretches | None, layers: int
    ) -> list[Tensor]:
        """The vectors of texts and of their stretches after each of the first `layers` layers.

        Args:
            stretches: of the sequences, None cuts none.
            layers: with a whole depth that is kept, of those before the last.

        Returns:
            float32 of shape (vectors, width) each: of every text first the whole, then its stretches.
        """
        network = first_layers(self._network, layers)

        def forward(ids: Tensor, parts: Tensor) -> list[Tensor]:
            words, *states = self._states(network, ids, parts)
            if self.exits is not None:
                return self.exits(words, states, range(1, layers + 1), parts)  # type: ignore[no-any-return]
            weights = parts.float()
            return [weights @ state.float() / weights.sum(2, keepdim=True) for state in states]

        return self._by_chunk(sequences, forward, stretches)

    @torch.no_grad()
    def whole(self, sequences: Sequence[NDArray[np.int32]], stretches: Stretches | None = None) -> Tensor:
        """Vectors of the kept whole depth, which alone runs: as one of `cut_vectors`."""
        assert self._whole is not None and self.exits is not None
        exits = self.exits

        def forward(ids: Tensor, parts: Tensor) -> list[Tensor]:
            words = self._network.embeddings(input_ids=ids)
            last = self._whole(input_ids=ids, attention_mask=parts[:, 0].long()).last_hidden_state
            return exits(words, [last], [self.layers], parts)  # type: ignore[no-any-return]

        [vectors] = self._by_chunk(sequences, forward, stretches)
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

    def _by_chunk(
        self,
        sequences: Sequence[NDArray[np.int32]],
        forward: _Forward,
        stretches: Stretches | None = None,
    ) -> list[Tensor]:
        """What `forward` makes of all sequences, those of like lengths together, in the order given.

        Args:
            forward: of ids (batch, length) and of the parts' masks (batch, parts, length).
        """
        cut = Stretches.none([len(ids) for ids in sequences]) if stretches is None else stretches
        counts = 1 + cut.counts
        starts = starts_of([counts])
        order = np.argsort(-cut.lengths, kind="stable")
        made: list[list[Tensor]] = []
        places: list[NDArray[np.int64]] = []
        start = 0
        while start < len(order):
            longest = _padded(int(cut.lengths[order[start]]))
            end = min(len(order), start + max(1, _CHUNK_TOKENS[self.device] // longest))
            # Of what is beside a long sequence no more than half is padding.
            while 2 * _padded(int(cut.lengths[order[end - 1]])) < longest:
                end -= 1
            rows = order[start:end]
            masks = cut.take(rows).masks(longest)
            number = np.arange(masks.shape[1])
            real = number < counts[rows, None]
            places.append((starts[rows, None] + number)[real])
            kept = torch.from_numpy(real).to(self.device)
            states = forward(
                self._ids([sequences[row] for row in rows], longest), torch.from_numpy(masks).to(self.device)
            )
            made.append([state[kept] for state in states])
            start = end
        back = torch.from_numpy(np.argsort(np.concatenate(places))).to(self.device)
        return [torch.cat(states)[back] for states in zip(*made, strict=True)]

    def state(self) -> dict[str, Tensor]:
        """The factors by the layers' names in the network, the exits, and which layers the early ones are."""
        tensors = low_rank.state(self._network)
        if self.exits is not None:
            tensors |= self.exits.tensors()
        if self._early_layers:
            tensors[EARLY_LAYERS] = torch.tensor(self._early_layers)
        return {name: tensor.cpu() for name, tensor in tensors.items()}

    def _states(self, network: Any, ids: Tensor, parts: Tensor) -> list[Tensor]:
        """Those of the embeddings and after every layer of `network`, a beginning of the trained one."""
        self._seen.clear()
        network(input_ids=ids, attention_mask=parts[:, 0].long())
        states, self._seen = self._seen, []
        return states

    def _keep(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self._seen.append(output if isinstance(output, Tensor) else output[0])

    def _ids(self, sequences: Sequence[NDArray[np.int32]], width: int) -> Tensor:
        ids = torch.full((len(sequences), width), self._padding, dtype=torch.long)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = torch.from_numpy(sequence)
        return ids.to(self.device)

    def _pooled(self, ids: Tensor, parts: Tensor) -> list[Tensor]:
        assert self.exits is not None
        states = self._states(self._network, ids, parts)
        if self._whole is not None:
            mask = parts[:, 0].long()
            states.append(self._whole(input_ids=ids, attention_mask=mask).last_hidden_state)
        lexical, pooled = self.exits.pooled(states[0], states[1:], range(1, self.layers + 1), parts)
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
