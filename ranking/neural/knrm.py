"""KNRM: soft counts of similarities by kernels (Xiong et al. 2017).

The paper's word vectors learn which words matter. These are frozen, so that idf says it.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from skerry.ranking.features.batch import Batch, Fields
from skerry.ranking.interaction.idf_gate import relative_idf
from skerry.ranking.interaction.kernels import knrm_bank, log_pool
from skerry.ranking.interaction.similarity import word_similarity
from skerry.ranking.neural.base import DOCUMENT_TERMS, QUERY_TERMS, NeuralModel


class Knrm(NeuralModel):
    """`kernels` kernels, the first for exact matches, and one linear layer.

    Args:
        idf: weigh the query's words by it; the paper has them all alike.
    """

    learning_rate: ClassVar[float] = 1e-1
    """What it reads is small, a hundredth of a logarithm: its weights have far to go."""

    def __init__(
        self,
        width: int,
        query_terms: int = QUERY_TERMS,
        document_terms: int = DOCUMENT_TERMS,
        *,
        kernels: int = 11,
        idf: bool = True,
    ) -> None:
        super().__init__(Fields(query_terms, document_terms, exact=True, idf=idf))
        self.bank = knrm_bank(kernels)
        self.score = nn.Linear(kernels, 1)

    def forward(self, batch: Batch) -> Tensor:
        counts = self.bank(word_similarity(batch), batch.pair_mask)
        weights = None
        if self.fields.idf:
            weights = batch.a_row(relative_idf(batch.query_idf, batch.query_mask))
        scores: Tensor = self.score(log_pool(counts, batch.row_query_mask, weights)).squeeze(1)
        return scores
