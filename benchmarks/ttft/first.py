"""A first token, and how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class First:
    """The greedy first token of a prompt, and the seconds until it was known."""

    seconds: float
    token: int


class Peer(Protocol):
    """An engine that reads whole prompts and keeps nothing of them."""

    @property
    def name(self) -> str:
        """For tables."""

    @property
    def version(self) -> str:
        """Of the engine."""

    def first_token(self, prompt: Sequence[int]) -> First:
        """Read the prompt's tokens; time ends when the token is known."""
