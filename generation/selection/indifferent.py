"""What a selector does with what it does not look at."""

from __future__ import annotations

from collections.abc import Sequence

import torch


class Indifferent:
    """Neither sentences nor the prompt's queries count. A method overrides what counts for it."""

    def begin(self, sentence_ends: Sequence[Sequence[int]]) -> None:
        """See `KeyValueSelector`."""

    def advance(self, opens: Sequence[bool]) -> None:
        """See `KeyValueSelector`."""

    def observe(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> None:
        """See `RowSelector`."""
