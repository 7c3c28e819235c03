"""InfoNCE (van den Oord et al. 2018): the positive among the batch's passages."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy


def info_nce(scores: Tensor, targets: Tensor) -> Tensor:
    """Mean over the rows of -log softmax(scores)[target].

    Args:
        scores: logits of shape (rows, columns).
        targets: the positives' columns, int64 of shape (rows,).
    """
    return cross_entropy(scores, targets)
