"""Which of a query's words matter: softmax over w * idf (DRMM's term gate), or idf beside its mean."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skerry.ranking.interaction.masked import masked_softmax


class IdfGate(nn.Module):
    """One weight; with 0 all words matter alike."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, idf: Tensor, mask: Tensor) -> Tensor:
        """Shares (n, Q) that add up to 1, or to 0 for a query without words; idf and bool mask are (n, Q)."""
        return masked_softmax(self.weight * idf, mask)


def relative_idf(idf: Tensor, mask: Tensor) -> Tensor:
    """idf over its mean among the query's words, 0 outside; idf and bool mask are (n, Q), so is the result.

    A word that stands everywhere counts nothing, and a query's words count 1 on average.
    """
    masked = idf * mask
    mean = masked.sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)
    return masked / mean.clamp(min=1e-6)
