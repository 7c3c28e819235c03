"""What a neural ranker's model is: a small network over frozen word vectors."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from skerry.ranking.features.batch import Batch, Fields

QUERY_TERMS = 16
DOCUMENT_TERMS = 192
"""A passage is about 100 words, a long one 160, and its title stands before it."""


class NeuralModel(nn.Module):
    """Candidates to scores. Nothing but its weights is kept: vectors and idf come with the batch.

    The constructor takes the width of the word vectors, `query_terms` and `document_terms`, and its own sizes
    as keywords with defaults. The score is a linear function of the last features, of any sign.

    Attributes:
        fields: the inputs that it declares.
        learning_rate: the one it trains well with.
    """

    learning_rate: ClassVar[float] = 1e-3

    def __init__(self, fields: Fields) -> None:
        super().__init__()
        self.fields = fields

    @abstractmethod
    def forward(self, batch: Batch) -> Tensor:
        """Scores, float32 of shape (n,)."""
