"""How a neural ranker is trained, and what is seen of it meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from skerry.ranking.neural.base import DOCUMENT_TERMS, QUERY_TERMS


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train.

    Attributes:
        model, objective: names in their registries.
        options: sizes of the model's own, where they are not the usual ones.
        learning_rate: at its peak; the model's own where None.
        queries: questions a step; each brings its positive, `hard` negatives that retrieval found, and
            `anywhere` passages drawn from the whole corpus.
        epochs: passes over the questions, at most, each with other negatives.
        steps: at most, where it is not None.
        check_every: steps between two looks at the held-out questions, each of which is a checkpoint.
        looked_at: of the held-out questions, how many a look ranks at most, spread evenly; all where None.
        patience: looks without a better one after which training ends.
        seed: of the weights, the order and the negatives.
    """

    model: str
    objective: str = "softmax"
    options: dict[str, Any] = field(default_factory=dict)
    query_terms: int = QUERY_TERMS
    document_terms: int = DOCUMENT_TERMS
    learning_rate: float | None = None
    queries: int = 16
    hard: int = 4
    anywhere: int = 2
    epochs: int = 8
    steps: int | None = None
    check_every: int = 200
    looked_at: int | None = None
    patience: int = 5
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """What the model did after some steps.

    Attributes:
        step: how many; 0 before the first, where training began from trained weights.
        loss: mean since the last look.
        average_precision: mean over held-out questions of the average precision of the relevant candidates:
            with a single one, 1 / its rank; 0 where none was found.
    """

    step: int
    loss: float
    average_precision: float
