"""KNRM: soft counts of similarities by kernels (Xiong et al. 2017)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from skerry.ranking.features.batch import Batch, Fields
from skerry.ranking.interaction.kernels import knrm_bank, log_pool
from skerry.ranking.interaction.similarity import word_similarity
from skerry.ranking.neural.base import DOCUMENT_TERMS, QUERY_TERMS, NeuralModel


class Knrm(NeuralModel):
    """`kernels` kernels, the first for exact matches, and one linear layer."""

    learning_rate: ClassVar[float] = 1e-2

    def __init__(
        self,
        width: int,
        query_terms: int = QUERY_TERMS,
        document_terms: int = DOCUMENT_TERMS,
        *,
        kernels: int = 11,
    ) -> None:
        super().__init__(Fields(query_terms, document_terms, exact=True))
        self.bank = knrm_bank(kernels)
        self.score = nn.Linear(kernels, 1)

    def forward(self, batch: Batch) -> Tensor:
        counts = self.bank(word_similarity(batch), batch.pair_mask)
        scores: Tensor = self.score(log_pool(counts, batch.row_query_mask)).squeeze(1)
        return scores
