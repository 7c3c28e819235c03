"""Structured representation learning over fixed sizes (Zhuang et al. 2024, Starbucks).

Every step trains every (layers, dimensions) pair: InfoNCE of each, and each one's distribution of scores is
drawn to the whole model's, which is a detached teacher.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from skerry.retrieval.embedding.training.losses.info_nce import info_nce
from skerry.retrieval.embedding.training.losses.score_kl import score_kl
from skerry.retrieval.embedding.training.scores import Scores


class StructuredLoss:
    """Mean over the pairs of InfoNCE + `kl_weight` KL from the last pair, the whole model."""

    def __init__(self, pairs: Sequence[tuple[int, int]], kl_weight: float) -> None:
        self._pairs, self._kl_weight = tuple(pairs), kl_weight

    def __call__(self, scores: Scores, targets: Tensor, rng: random.Random) -> Tensor:
        """See `Loss`; nothing is drawn."""
        each = [scores(*pair) for pair in self._pairs]
        told = torch.stack([info_nce(one, targets) for one in each]).mean()
        drawn = torch.stack([score_kl(one, each[-1]) for one in each]).mean()
        return told + self._kl_weight * drawn
