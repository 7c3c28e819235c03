"""ARC-I: each side by convolution to one vector, both through dense layers (Hu et al. 2014)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skerry.ranking.features.batch import Batch, Fields
from skerry.ranking.interaction.masked import masked_max
from skerry.ranking.interaction.n_grams import NGrams
from skerry.ranking.neural.base import DOCUMENT_TERMS, QUERY_TERMS, NeuralModel


class ArcI(NeuralModel):
    """Trigrams by `filters` filters, the same for both sides, the strongest of each, a hidden layer."""

    def __init__(
        self,
        width: int,
        query_terms: int = QUERY_TERMS,
        document_terms: int = DOCUMENT_TERMS,
        *,
        filters: int = 64,
        hidden: int = 64,
    ) -> None:
        super().__init__(Fields(query_terms, document_terms))
        self.grams = NGrams(width, filters, 3)
        self.dense = nn.Sequential(nn.Linear(2 * filters, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, batch: Batch) -> Tensor:
        query = self._side(batch.query_vectors, batch.query_mask)
        document = self._side(batch.document_vectors, batch.document_mask)
        scores: Tensor = self.dense(torch.cat([batch.a_row(query), document], dim=1)).squeeze(1)
        return scores

    def _side(self, vectors: Tensor, mask: Tensor) -> Tensor:
        return masked_max(self.grams(vectors, mask), mask.unsqueeze(2), 1)
