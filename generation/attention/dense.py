"""Every query sees every earlier key."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from skerry.generation.attention.on_device import attend_suffix


@dataclass(frozen=True, slots=True)
class Dense:
    """Exact causal attention: what the other patterns are measured against."""

    def attend(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """See `AttentionPattern`."""
        n, m = queries.shape[1], keys.shape[1]
        limits = torch.arange(m - n + 1, m + 1, dtype=torch.int32)
        return attend_suffix(queries, keys, values, limits, scale)
