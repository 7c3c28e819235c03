"""Dynamic max pooling (Pang et al. 2016): a text of any length to a fixed number of segments."""

from __future__ import annotations

import torch
from torch import Tensor


def segment_max(values: Tensor, lengths: Tensor, segments: int) -> Tensor:
    """The maximum of each of `segments` equal parts of a text, by its own length, not the padded one.

    Part b of a text of L words has those from floor(b L / B) up to ceil((b + 1) L / B): never none, so a
    short text's words stand in several parts. A text without words has zeros.

    Args:
        values: (n, ..., D).
        lengths: int64 (n,), at most D each.

    Returns:
        (n, ..., segments).
    """
    places = torch.arange(values.shape[-1], device=values.device)
    shape = (len(values), *[1] * (values.ndim - 2), values.shape[-1])
    parts = []
    for part in range(segments):
        first = (part * lengths) // segments
        end = -((-(part + 1) * lengths) // segments)
        inside = (places >= first.unsqueeze(1)) & (places < end.unsqueeze(1))
        parts.append(values.masked_fill(~inside.view(shape), -torch.inf).amax(-1))
    pooled = torch.stack(parts, dim=-1)
    return pooled.masked_fill(pooled == -torch.inf, 0.0)
