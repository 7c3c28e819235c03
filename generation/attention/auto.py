"""Dense while a prompt is short, sparse where that is measured to win."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from skerry.generation.attention.base import AttentionPattern, check_setting
from skerry.generation.attention.dense import Dense
from skerry.generation.attention.stripe import Stripe

SPARSE_FROM = 4096
"""Keys from which on the sparse pattern is faster; `skerry bench attention` has the figures."""


@dataclass(frozen=True, slots=True)
class Auto:
    """Chosen for each layer and part of a prompt, by its keys.

    Attributes:
        sparse_from: keys from which on `sparse` is taken.
        sparse, dense: the patterns.
    """

    sparse_from: int = SPARSE_FROM
    sparse: AttentionPattern = field(default_factory=Stripe)
    dense: AttentionPattern = field(default_factory=Dense)

    def __post_init__(self) -> None:
        check_setting("auto", "sparse_from", self.sparse_from, 0, 2**31)

    def attend(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """See `AttentionPattern`."""
        pattern = self.sparse if keys.shape[1] >= self.sparse_from else self.dense
        return pattern.attend(queries, keys, values, scale)
