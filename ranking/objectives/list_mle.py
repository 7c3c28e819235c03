"""ListMLE (Xia et al. 2008): the likelihood of the whole ideal order under the scores."""

from __future__ import annotations

import torch
from torch import Tensor


def list_mle(scores: Tensor) -> Tensor:
    """Mean over queries of -log of the Plackett-Luce probability of the order given.

    Args:
        scores: (queries, candidates), the best first and so on down to the worst.

    Returns:
        A scalar, in nats; log(candidates!) for scores that tell nothing.
    """
    rest = torch.logcumsumexp(scores.flip(1), dim=1).flip(1)
    return (rest - scores).sum(1).mean()
