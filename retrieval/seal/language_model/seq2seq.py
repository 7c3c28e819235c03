"""Sequence-to-sequence models of transformers with BART's or T5's way of telling positions."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from skerry.core.errors import InvalidInput
from skerry.retrieval.seal.language_model.cache import TreeCache
from skerry.retrieval.seal.language_model.network import Step
from skerry.retrieval.seal.language_model.transformers_cache import as_transformers_cache

_T5_CONTEXT = 512
"""What T5 was trained on; its relative positions have no bound of their own."""


@dataclass(frozen=True, slots=True)
class _Encoded:
    """What the encoder made of the prompts.

    Attributes:
        states: (prompts, longest, width).
        mask: int64 (prompts, longest): 1 for tokens, 0 for padding.
        cross: transformers' cache of the states' keys and values in the decoder, made in the first pass.
    """

    states: Tensor
    mask: Tensor
    cross: Any


class Seq2SeqNetwork:
    """See `Network`. The encoder reads a prompt once; in the decoder a prompt's hypotheses are one sequence.

    Args:
        model: a sequence-to-sequence model of transformers, in the type to compute in. It is changed: its
            decoder takes positions from this class from then on.
        prefix, suffix: special tokens around every prompt.
        forced: the first token of every output, after the decoder's start token; by default what the model's
            generation config says, if anything.

    Raises:
        InvalidInput: a model whose decoder tells positions in another way, or one that names no token to
            start with.
    """

    def __init__(
        self, model: Any, prefix: Sequence[int] = (), suffix: Sequence[int] = (), forced: int | None = None
    ) -> None:
        config = model.config
        self._model = model
        self._prefix, self._suffix = list(prefix), list(suffix)
        self._padding: int = config.pad_token_id or 0
        self._start = _beginning(model, forced)
        self._layers = len(getattr(model.get_decoder(), "layers", None) or model.get_decoder().block)
        self.device = str(model.device)
        self.dtype: torch.dtype = model.dtype
        self.logits: int = model.get_output_embeddings().weight.shape[0]
        bound: int | None = getattr(config, "max_position_embeddings", None)
        self.room = bound or getattr(config, "n_positions", None) or _T5_CONTEXT
        self.context = self.room - len(self._prefix) - len(self._suffix)
        names = inspect.signature(model.forward).parameters
        self._cache_argument = "cache" if "cache" in names else "past_key_values"
        self._lock = threading.Lock()
        self._step: Step | None = None
        if not self._takes_positions(model.get_decoder()):
            raise InvalidInput(
                f"A {type(model).__name__} tells its decoder positions in another way than BART and T5.",
                hint="Use a BART or T5 model.",
                details={"model": type(model).__name__},
            )

    def read(self, prompts: Sequence[Sequence[int]]) -> tuple[_Encoded, list[list[int]]]:
        """See `Network.read`: the tree starts with the decoder's start tokens."""
        from transformers.cache_utils import DynamicCache

        framed = [[*self._prefix, *prompt, *self._suffix] for prompt in prompts]
        longest = max(len(prompt) for prompt in framed)
        ids = torch.full((len(framed), longest), self._padding)
        mask = torch.zeros((len(framed), longest), dtype=torch.int64)
        for row, prompt in enumerate(framed):
            ids[row, : len(prompt)] = torch.tensor(prompt)
            mask[row, : len(prompt)] = 1
        ids, mask = ids.to(self.device), mask.to(self.device)
        states = self._model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
        return _Encoded(states, mask, DynamicCache()), [self._start] * len(framed)

    def forward(self, step: Step, cache: TreeCache, keep: Tensor) -> Tensor:
        """See `Network.forward`."""
        from transformers.cache_utils import EncoderDecoderCache

        encoded: _Encoded = cache.memory
        both = EncoderDecoderCache(as_transformers_cache(cache, self._layers), encoded.cross)
        with self._lock:
            self._step = step
            try:
                out = self._model(
                    encoder_outputs=(encoded.states,),
                    attention_mask=encoded.mask,
                    decoder_input_ids=step.grid(step.tokens),
                    decoder_attention_mask=step.mask[:, None],
                    use_cache=True,
                    **{self._cache_argument: both},
                )
            finally:
                self._step = None
        logits: Tensor = out.logits.flatten(0, 1)[step.cells[keep]]
        return logits

    def plain(self, prompt: Sequence[int], tokens: Sequence[int]) -> Tensor:
        """Logits (logits,) after a prompt and tokens, read in order and at once."""
        ids = torch.tensor([[*self._prefix, *prompt, *self._suffix]], device=self.device)
        target = torch.tensor([[*self._start, *tokens]], device=self.device)
        with self._lock:
            out = self._model(input_ids=ids, decoder_input_ids=target, use_cache=False)
        logits: Tensor = out.logits[0, -1]
        return logits

    def _takes_positions(self, decoder: Any) -> bool:
        """Let the decoder take its positions from the step under way; false where it has another way."""
        embedding = getattr(decoder, "embed_positions", None)
        if isinstance(embedding, nn.Embedding):
            embedding.forward = self._embedded(embedding, embedding.forward)  # type: ignore[method-assign]
            return True
        relative = [m for m in decoder.modules() if getattr(m, "has_relative_attention_bias", False)]
        for attention in relative:
            attention.compute_bias = self._biased(attention, attention.compute_bias)
        return bool(relative)

    def _embedded(self, embedding: nn.Embedding, original: Callable[..., Tensor]) -> Callable[..., Tensor]:
        offset: int = getattr(embedding, "offset", 0)

        def forward(*args: Any, **kwargs: Any) -> Tensor:
            step = self._step
            if step is None:
                return original(*args, **kwargs)
            return nn.functional.embedding(step.grid(step.positions) + offset, embedding.weight)

        return forward

    def _biased(self, attention: Any, original: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def compute_bias(*args: Any, **kwargs: Any) -> Tensor:
            step = self._step
            if step is None:
                return original(*args, **kwargs)
            distance = step.places[:, None, :] - step.grid(step.positions)[:, :, None]
            bucket = attention._relative_position_bucket(
                distance,
                bidirectional=False,
                num_buckets=attention.relative_attention_num_buckets,
                max_distance=attention.relative_attention_max_distance,
            )
            bias: Tensor = attention.relative_attention_bias(bucket).permute(0, 3, 1, 2)
            return bias

        return compute_bias


def _beginning(model: Any, forced: int | None) -> list[int]:
    """The tokens that every output starts with: the decoder's start token and a forced first one."""
    start: int | None = model.generation_config.decoder_start_token_id
    if start is None:
        start = getattr(model.config, "decoder_start_token_id", None)
    if start is None:
        raise InvalidInput(
            f"The config of this {type(model).__name__} names no decoder_start_token_id.",
            hint="Add it to config.json.",
            details={"model": type(model).__name__},
        )
    if forced is None:
        forced = model.generation_config.forced_bos_token_id
    return [start] if forced is None else [start, forced]
