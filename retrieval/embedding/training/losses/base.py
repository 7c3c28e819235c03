"""What every loss over an elastic encoder's scores does."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from skerry.retrieval.embedding.training.scores import Scores


class Loss(Protocol):
    """A loss of one batch."""

    def __call__(self, scores: Scores, targets: Tensor, rng: random.Random) -> Tensor:
        """The loss, a scalar.

        Args:
            scores: of questions (rows) and passages (columns).
            targets: the column of each row's positive, int64 of shape (rows,).
            rng: of what the loss draws.
        """
        ...


class LossFactory(Protocol):
    """How a registered loss is made."""

    def __call__(self, pairs: Sequence[tuple[int, int]], kl_weight: float) -> Loss:
        """The loss for these (layers, dimensions), the whole model last.

        Raises:
            InvalidInput: pairs that the loss cannot do with.
        """
        ...
