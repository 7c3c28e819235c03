"""RankNet (Burges et al. 2005): the probability that the relevant candidate is the better of a pair."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def ranknet(scores: Tensor) -> Tensor:
    """Mean over pairs of -log sigmoid(s+ - s-).

    Args:
        scores: (queries, candidates), the relevant candidate first.

    Returns:
        A scalar, in nats; log(2) for scores that tell nothing, 0 with a single candidate a query.
    """
    losses = functional.softplus(scores[:, 1:] - scores[:, :1])
    return losses.sum() / max(1, losses.numel())
