"""2D Matryoshka sentence embeddings (Li et al. 2024, 2DMSE): a depth and a width drawn every step."""

from __future__ import annotations

import random
from collections.abc import Sequence

from torch import Tensor

from skerry.core.errors import InvalidInput
from skerry.retrieval.embedding.training.losses.info_nce import info_nce
from skerry.retrieval.embedding.training.losses.score_kl import score_kl
from skerry.retrieval.embedding.training.scores import Scores


class TwoDMatryoshkaLoss:
    """InfoNCE at (L, d), (l, d), (L, m) and (l, m), and the KL of l from L at both widths.

    The whole model has L layers and d dimensions; l is drawn from 1 to L - 1, m from the smaller widths among
    the pairs. The divergences are of score distributions, from a detached teacher.

    Raises:
        InvalidInput: no smaller depth or width.
    """

    def __init__(self, pairs: Sequence[tuple[int, int]], kl_weight: float) -> None:
        self._layers, self._width = pairs[-1]
        self._widths = sorted({dimensions for _, dimensions in pairs} - {self._width})
        self._kl_weight = kl_weight
        if self._layers < 2 or not self._widths:
            raise InvalidInput(
                "The 2dmse loss needs at least two layers and a width that is not the whole one.",
                hint="Name smaller sizes with --pairs, such as 2x48.",
            )

    def __call__(self, scores: Scores, targets: Tensor, rng: random.Random) -> Tensor:
        """See `Loss`; a depth and a width are drawn."""
        layers, width = rng.randrange(1, self._layers), rng.choice(self._widths)
        loss = info_nce(scores(self._layers, self._width), targets)
        loss = loss + info_nce(scores(self._layers, width), targets)
        for dimensions in (self._width, width):
            student, teacher = scores(layers, dimensions), scores(self._layers, dimensions)
            loss = loss + info_nce(student, targets) + self._kl_weight * score_kl(student, teacher)
        return loss
