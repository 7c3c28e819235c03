"""transformers as it is used by default: one forward of the whole prompt, its own growing cache, "sdpa"."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from skerry.benchmarks.ttft.first import First
from skerry.core.models.loading import load_weights
from skerry.core.models.store import Model


class FullPrefill:
    """The same weights in the same type.

    Args:
        dtype: torch's.
    """

    name = "transformers"

    def __init__(self, model: Model, dtype: Any) -> None:
        import transformers

        self.version: str = transformers.__version__
        self.weights = load_weights(
            transformers.AutoModelForCausalLM, model.folder, dtype=dtype, attn_implementation="sdpa"
        ).eval()

    def first_token(self, prompt: Sequence[int]) -> First:
        """See `Peer`."""
        begun = time.perf_counter()
        token = int(self._forward(prompt, 1)[0, -1].argmax().item())
        return First(time.perf_counter() - begun, token)

    def nll(self, prompt: Sequence[int], answer: Sequence[int]) -> float:
        """Mean negative log-likelihood of the answer's tokens behind the prompt, in nats a token."""
        import torch

        logits = self._forward((*prompt, *answer[:-1]), len(answer))[0].float()
        likely = logits.log_softmax(-1)[torch.arange(len(answer)), torch.tensor(answer)]
        return float(-likely.mean())

    def _forward(self, tokens: Sequence[int], keep: int) -> Any:
        import torch

        with torch.inference_mode():
            return self.weights(
                input_ids=torch.tensor([list(tokens)]), use_cache=True, logits_to_keep=keep
            ).logits
