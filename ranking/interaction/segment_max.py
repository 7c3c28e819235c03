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
    parts = torch.arange(segments)
    first = (parts * lengths.unsqueeze(1)) // segments
    end = -((-(parts + 1) * lengths.unsqueeze(1)) // segments)
    places = first.unsqueeze(2) + torch.arange(max(1, int((end - first).max())))
    # A part that is shorter than the longest has its first word several times, which is no other maximum.
    places = torch.where(places < end.unsqueeze(2), places, first.unsqueeze(2))
    between = [1] * (values.ndim - 2)
    at = places.flatten(1).view(len(values), *between, -1).expand(*values.shape[:-1], -1)
    pooled = values.gather(-1, at).view(*values.shape[:-1], segments, -1).amax(-1)
    return pooled * (lengths > 0).view(-1, *between, 1)
