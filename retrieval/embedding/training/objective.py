"""What one training run minimises, step by step."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Objective(Protocol):
    """The loss of each step.

    Attributes:
        steps: how many there are.
    """

    steps: int

    def __call__(self, number: int) -> Tensor:
        """The loss of step `number`, a scalar. What is drawn for it depends on the number alone."""
        ...
