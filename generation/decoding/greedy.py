"""The likeliest token, every time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class Greedy:
    """Takes the largest logit, the smallest id among equals. Ignores temperature and seed."""

    def __init__(self, temperature: float = 0.0, seed: int = 0) -> None:
        pass

    def choose(self, logits: torch.Tensor) -> int:
        """The next token's id, from logits of shape (vocabulary,)."""
        return int(logits.argmax())
