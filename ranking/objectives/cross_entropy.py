"""Pointwise cross-entropy: every candidate is relevant or not, by itself."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def cross_entropy(scores: Tensor) -> Tensor:
    """Mean over all candidates of the cross-entropy of sigmoid(score).

    Args:
        scores: (queries, candidates), the relevant candidate first.

    Returns:
        A scalar, in nats; log(2) for scores of 0.
    """
    relevant = torch.zeros_like(scores)
    relevant[:, 0] = 1
    return functional.binary_cross_entropy_with_logits(scores, relevant)
