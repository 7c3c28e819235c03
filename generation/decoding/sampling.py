"""A token drawn from the model's distribution at a temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class Sampling:
    """Draws from softmax(logits / temperature); the same seed draws the same tokens.

    Args:
        temperature: above 0; below 1 sharpens.
        seed: of this request's own random stream.
    """

    def __init__(self, temperature: float, seed: int) -> None:
        import torch

        self.temperature = temperature
        self._random = torch.Generator("cpu").manual_seed(seed)

    def choose(self, logits: torch.Tensor) -> int:
        """The next token's id, from logits of shape (vocabulary,)."""
        import torch

        scaled = logits.detach().to("cpu", torch.float64)
        # The largest logit is taken off first, so that a tiny temperature cannot overflow.
        probabilities = torch.softmax((scaled - scaled.max()) / self.temperature, dim=0)
        return int(torch.multinomial(probabilities, 1, generator=self._random))
