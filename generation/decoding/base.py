"""What a decoding method is, and where the methods are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from skerry.core.registry import Registry

if TYPE_CHECKING:
    import torch


class TokenChooser(Protocol):
    """Picks the next token; made anew for every request, so it may keep state."""

    def __init__(self, temperature: float, seed: int) -> None: ...

    def choose(self, logits: torch.Tensor) -> int:
        """The next token's id, from logits of shape (vocabulary,)."""
        ...


CHOOSERS: Registry[type[TokenChooser]] = Registry(
    "decoding method",
    {
        "greedy": "skerry.generation.decoding.greedy:Greedy",
        "sampling": "skerry.generation.decoding.sampling:Sampling",
    },
)
