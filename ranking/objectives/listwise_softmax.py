"""Listwise softmax cross-entropy (Cao et al. 2007, the top-one form of ListNet)."""

from __future__ import annotations

import torch
from torch import Tensor


def listwise_softmax(scores: Tensor) -> Tensor:
    """Mean over queries of -log softmax(scores)[0].

    Args:
        scores: (queries, candidates), the relevant candidate first.

    Returns:
        A scalar, in nats; log(candidates) for scores that tell nothing.
    """
    return -torch.log_softmax(scores, dim=1)[:, 0].mean()
