"""A causal model in memory, and one request's pass through it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from skerry.core.deadline import Deadline
from skerry.core.device import best_device
from skerry.core.dtype import torch_dtype
from skerry.core.errors import IndexCorrupt
from skerry.core.models.loading import load_weights
from skerry.core.models.store import Model
from skerry.generation.prompting import Prompting

if TYPE_CHECKING:
    import torch

    from skerry.generation.attention.state import AttentionState, RowRanges

_PREFILL_CHUNK = 1024
"""Prompt tokens read between two looks at the deadline: well under a second on two cores. The first chunk's
attention needs no mask, that of the later ones does: chunks of 256 cost 40% more at 750 tokens."""
_PATTERN_CHUNK = 8192
"""The same where a pattern attends: there the layers look at the deadline, and large products are faster."""


class LoadedModel:
    """Weights, tokenizer and prompt builder of one model.

    Attributes:
        context: most tokens of prompt and answer together.
        ends: ids of the tokens that end an answer: the model's end tokens and every other special token.

    Raises:
        IndexCorrupt: files that are missing or cannot be read.
    """

    def __init__(self, model: Model, dtype: str = "auto", threads: int | None = None) -> None:
        import torch
        from safetensors import SafetensorError
        from transformers import AutoModelForCausalLM, AutoTokenizer

        from skerry.generation.attention.registered import register
        from skerry.generation.fused_step import FusedStep

        if threads is not None:
            torch.set_num_threads(threads)
        self.device = best_device()
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(model.folder, local_files_only=True)
            self.weights = load_weights(
                AutoModelForCausalLM,
                model.folder,
                dtype=torch_dtype(dtype, self.device),
                attn_implementation=register(),
            )
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise IndexCorrupt(
                f"The model {model.name} in {model.folder} cannot be loaded: {error}.",
                hint=f"Fetch it again: skerry models pull {model.name}",
                details={"model": model.name, "path": str(model.folder)},
            ) from error
        self.weights.to(self.device).eval()
        self.layers: int = self.weights.config.num_hidden_layers
        self.weights_hash, self.tokenizer_hash = model.weights_hash, model.tokenizer_hash
        self.context: int = self.weights.config.max_position_embeddings
        self.ends = self._end_tokens()
        self.prompting = Prompting(self.tokenizer)
        self._prefix: tuple[torch.Tensor, torch.Tensor] | None = None
        # The argument's name changed within the versions that are supported.
        names = inspect.signature(self.weights.forward).parameters
        self.cache_argument = "cache" if "cache" in names else "past_key_values"
        self.fused_step = FusedStep(self.weights) if FusedStep.fits(self.weights) else None

    def _end_tokens(self) -> frozenset[int]:
        ends = set(self.tokenizer.all_special_ids)
        for config in (self.weights.config, self.weights.generation_config):
            told: int | list[int] | None = getattr(config, "eos_token_id", None)
            if told is not None:
                ends.update([told] if isinstance(told, int) else told)
        return frozenset(ends)

    def prefix(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of what every prompt begins with, read once: (layers, KV heads, n, head size)."""
        if self._prefix is None:
            tokens = self.prompting.prefix
            run = Run(self, len(tokens))
            run.step(tokens)
            self._prefix = run.cache.take(0, len(tokens))
        return self._prefix

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of the tokens, exactly: no special tokens, no clean-up of spaces."""
        text: str = self.tokenizer.decode(
            list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


class Run:
    """One request: a cache of its own, filled by `prefill` and then a token at a time.

    Args:
        loaded: the model.
        capacity: most tokens that will be fed, prompt and answer.
        attention: how the layers attend; None is transformers' "sdpa".
    """

    def __init__(self, loaded: LoadedModel, capacity: int, attention: AttentionState | None = None) -> None:
        from skerry.generation.attention.state import AttentionState
        from skerry.generation.cache.preallocated import PreallocatedCache

        self.loaded = loaded
        self.cache: Any = PreallocatedCache(loaded.layers, capacity)
        self.attention = AttentionState() if attention is None else attention

    def prefill(self, tokens: Sequence[int], deadline: Deadline) -> torch.Tensor:
        """Read tokens in chunks; logits of shape (vocabulary,) after the last of them.

        Raises:
            DeadlineExceeded, Cancelled: in any layer of any chunk.
        """
        chunk = _PREFILL_CHUNK if self.attention.pattern is None else _PATTERN_CHUNK
        for start in range(0, len(tokens), chunk):
            deadline.check("reading the prompt")
            logits = self.step(tokens[start : start + chunk], deadline)
        return logits

    def step(self, tokens: Sequence[int], deadline: Deadline | None = None) -> torch.Tensor:
        """Feed the next tokens; logits of shape (vocabulary,) after the last of them.

        Raises:
            DeadlineExceeded, Cancelled: in any layer.
        """
        import torch

        past = self.cache.get_seq_length()
        positions = torch.arange(past, past + len(tokens), device=self.loaded.device)
        return self._feed(tokens, positions, replace(self.attention, deadline=deadline))

    def rewrite(self, tokens: Sequence[int], rows: Sequence[int], deadline: Deadline) -> torch.Tensor:
        """Read tokens at their places, each with what stands before it there, and write their rows.

        Args:
            tokens: those that stand at the rows.
            rows: ascending: filled ones, which are written anew, and the next ones.

        Returns:
            Logits of shape (vocabulary,) after the last of them.

        Raises:
            DeadlineExceeded, Cancelled: between chunks.
        """
        import torch

        for start in range(0, len(rows), _PREFILL_CHUNK):
            deadline.check("reading the prompt")
            end = start + _PREFILL_CHUNK
            places = torch.tensor(rows[start:end], device=self.loaded.device)
            attention = replace(self.attention, limits=(places + 1).int())
            with self.cache.writing(places):
                logits = self._feed(tokens[start:end], places, attention)
        return logits

    def branch(self, tokens: Sequence[int], position: int, rows: RowRanges) -> torch.Tensor:
        """Feed the tokens that end n branches of what the cache holds; each takes the next row of it.

        Args:
            tokens: n, which all stand at `position`.
            rows: of n "sequences": what each token reads, its own row with it.

        Returns:
            Logits of shape (n, vocabulary).

        Raises:
            ValueError: the model has layers that do not see all earlier keys.
        """
        import torch

        from skerry.generation.attention.state import AttentionState, using

        fed = torch.tensor(list(tokens), device=self.loaded.device)
        with torch.inference_mode(), using(AttentionState(branches=rows)):
            if self.loaded.fused_step is not None:
                return self.loaded.fused_step(fed, self.cache, position)
            return self._forward(fed, torch.full_like(fed, position), len(fed))

    def forget(self, start: int) -> None:
        """Drop what the cache holds from row `start` on."""
        self.cache.crop(self.cache.get_seq_length() - start)

    def _feed(
        self, tokens: Sequence[int], positions: torch.Tensor, attention: AttentionState
    ) -> torch.Tensor:
        import torch

        from skerry.generation.attention.state import using

        fed = torch.tensor(list(tokens), device=self.loaded.device)
        with torch.inference_mode(), using(attention):
            if len(tokens) == 1 and attention.limits is None and self.loaded.fused_step is not None:
                return self.loaded.fused_step(fed, self.cache)[0]
            return self._forward(fed, positions, 1)[0]

    def _forward(self, tokens: torch.Tensor, positions: torch.Tensor, last: int) -> torch.Tensor:
        """The library's pass: logits after the last tokens, (last, vocabulary)."""
        out = self.loaded.weights(
            input_ids=tokens[None],
            position_ids=positions[None],
            use_cache=True,
            logits_to_keep=last,
            **{self.loaded.cache_argument: self.cache},
        )
        logits: torch.Tensor = out.logits[0]
        return logits
