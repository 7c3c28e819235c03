"""Pairwise hinge: the relevant candidate ahead of each other one by a margin."""

from __future__ import annotations

import torch
from torch import Tensor

MARGIN = 1.0


def hinge(scores: Tensor) -> Tensor:
    """Mean over pairs of max(0, 1 - s+ + s-).

    Each negative is a pair of its own: an average of them would let a far one make up for a near one.

    Args:
        scores: (queries, candidates), the relevant candidate first.

    Returns:
        A scalar; 0 with a single candidate a query.
    """
    return torch.relu(MARGIN - scores[:, :1] + scores[:, 1:]).sum() / max(1, scores[:, 1:].numel())
