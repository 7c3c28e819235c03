"""Any causal model of transformers that takes position ids and a mask a token."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from skerry.core.errors import InvalidInput
from skerry.retrieval.seal.language_model.cache import TreeCache
from skerry.retrieval.seal.language_model.network import Step
from skerry.retrieval.seal.language_model.transformers_cache import as_transformers_cache


class CausalNetwork:
    """See `Network`. The hypotheses of a prompt go through the model as one sequence.

    Args:
        model: a causal model of transformers, in the type to compute in.
        prefix: tokens in front of every prompt (a beginning-of-text token).

    Raises:
        InvalidInput: a model that cannot be told positions (it reads in order only).
    """

    def __init__(self, model: Any, prefix: Sequence[int] = ()) -> None:
        arguments = inspect.signature(model.forward).parameters
        if "position_ids" not in arguments:
            raise InvalidInput(
                f"A {type(model).__name__} takes no positions: hypotheses cannot share a prompt in it.",
                hint="Use a model with explicit positions, such as Llama, Qwen, GPT-2, BART or T5.",
                details={"model": type(model).__name__},
            )
        config = model.config
        self._model = model
        self._prefix = list(prefix)
        self._layers: int = config.num_hidden_layers
        # The argument's name changed within the versions that are supported.
        self._cache_argument = "cache" if "cache" in arguments else "past_key_values"
        self._chooses = "logits_to_keep" in arguments
        self.device = str(model.device)
        self.dtype: torch.dtype = model.dtype
        self.logits: int = model.get_output_embeddings().weight.shape[0]
        self.room: int = min(config.max_position_embeddings, getattr(config, "sliding_window", None) or 2**62)
        self.context = self.room - len(self._prefix)

    def read(self, prompts: Sequence[Sequence[int]]) -> tuple[None, list[list[int]]]:
        """See `Network.read`."""
        return None, [[*self._prefix, *prompt] for prompt in prompts]

    def forward(self, step: Step, cache: TreeCache, keep: Tensor) -> Tensor:
        """See `Network.forward`."""
        kept = step.cells[keep]
        arguments: dict[str, Any] = {self._cache_argument: as_transformers_cache(cache, self._layers)}
        width = step.width
        if self._chooses:  # of most prompts only the last token is asked
            columns, place = torch.unique(kept % width, return_inverse=True)
            kept = kept // width * len(columns) + place
            arguments["logits_to_keep"] = columns
        out = self._model(
            input_ids=step.grid(step.tokens),
            position_ids=step.grid(step.positions),
            attention_mask=step.mask[:, None],
            use_cache=True,
            **arguments,
        )
        logits: Tensor = out.logits.flatten(0, 1)[kept]
        return logits

    def plain(self, prompt: Sequence[int], tokens: Sequence[int]) -> Tensor:
        """Logits (logits,) after a prompt and tokens, read in order and at once."""
        ids = torch.tensor([[*self._prefix, *prompt, *tokens]], device=self.device)
        logits: Tensor = self._model(input_ids=ids, use_cache=False).logits[0, -1]
        return logits
