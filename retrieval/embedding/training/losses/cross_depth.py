"""Structured representation learning whose early exits also ask for the whole model's documents.

An index holds its documents at one depth, while a query may stop at any: besides every (layers, dimensions)
pair with itself, a query's states at that pair are trained against the whole model's passages, in the same
dimensions.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from skerry.retrieval.embedding.training.losses.info_nce import info_nce
from skerry.retrieval.embedding.training.losses.score_kl import score_kl
from skerry.retrieval.embedding.training.losses.structured import StructuredLoss
from skerry.retrieval.embedding.training.scores import Scores


class CrossDepthLoss:
    """The mean of `StructuredLoss` and of the same terms for queries at a pair, passages at full depth."""

    def __init__(self, pairs: Sequence[tuple[int, int]], kl_weight: float) -> None:
        self._same = StructuredLoss(pairs, kl_weight)
        self._pairs, self._kl_weight = tuple(pairs), kl_weight

    def __call__(self, scores: Scores, targets: Tensor, rng: random.Random) -> Tensor:
        """See `Loss`; nothing is drawn."""
        whole = scores.whole()
        early = [scores.across(*pair) for pair in self._pairs if pair[0] < scores.layers]
        if not early:
            return self._same(scores, targets, rng)
        told = torch.stack([info_nce(one, targets) for one in early]).mean()
        drawn = torch.stack([score_kl(one, whole) for one in early]).mean()
        return 0.5 * (self._same(scores, targets, rng) + told + self._kl_weight * drawn)
