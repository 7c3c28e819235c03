"""aNMM: weights that similarities of one range share, and attention over the query (Yang et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skerry.ranking.features.batch import Batch, Fields
from skerry.ranking.interaction.histogram import histogram
from skerry.ranking.interaction.masked import masked_softmax
from skerry.ranking.interaction.similarity import word_similarity
from skerry.ranking.neural.base import DOCUMENT_TERMS, QUERY_TERMS, NeuralModel


class Anmm(NeuralModel):
    """`bins` ranges whose similarities are summed, `hidden` units, softmax(v . q) over the query's words."""

    def __init__(
        self,
        width: int,
        query_terms: int = QUERY_TERMS,
        document_terms: int = DOCUMENT_TERMS,
        *,
        bins: int = 200,
        hidden: int = 100,
    ) -> None:
        super().__init__(Fields(query_terms, document_terms, exact=True))
        self._bins = bins
        self.words = nn.Sequential(nn.Linear(bins, hidden), nn.Tanh(), nn.Linear(hidden, 1))
        self.attention = nn.Parameter(torch.zeros(width))

    def forward(self, batch: Batch) -> Tensor:
        sums = histogram(word_similarity(batch), batch.exact, batch.pair_mask, self._bins, sums=True)
        shares = masked_softmax(batch.query_vectors @ self.attention, batch.query_mask)
        scores: Tensor = (self.words(sums).squeeze(2) * batch.a_row(shares)).sum(1)
        return scores
