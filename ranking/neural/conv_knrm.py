"""Conv-KNRM: kernels over similarities of n-grams of all lengths with each other (Dai et al. 2018)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from skerry.ranking.features.batch import Batch, Fields
from skerry.ranking.interaction.kernels import knrm_bank, log_pool
from skerry.ranking.interaction.n_grams import NGrams
from skerry.ranking.interaction.similarity import unit_cosines
from skerry.ranking.neural.base import DOCUMENT_TERMS, QUERY_TERMS, NeuralModel


class ConvKnrm(NeuralModel):
    """1- to `longest`-grams by the same filters on both sides, each length against each."""

    learning_rate: ClassVar[float] = 3e-3

    def __init__(
        self,
        width: int,
        query_terms: int = QUERY_TERMS,
        document_terms: int = DOCUMENT_TERMS,
        *,
        kernels: int = 11,
        filters: int = 128,
        longest: int = 3,
    ) -> None:
        super().__init__(Fields(query_terms, document_terms))
        self.grams = nn.ModuleList(NGrams(width, filters, size) for size in range(1, longest + 1))
        self.bank = knrm_bank(kernels)
        self.score = nn.Linear(longest**2 * kernels, 1)

    def forward(self, batch: Batch) -> Tensor:
        queries = [batch.a_row(grams) for grams in self._sides(batch.query_vectors, batch.query_mask)]
        documents = self._sides(batch.document_vectors, batch.document_mask)
        mask = batch.pair_mask
        features = [
            log_pool(self.bank(unit_cosines(query, document, mask), mask), batch.row_query_mask)
            for query in queries
            for document in documents
        ]
        scores: Tensor = self.score(torch.cat(features, dim=1)).squeeze(1)
        return scores

    def _sides(self, vectors: Tensor, mask: Tensor) -> list[Tensor]:
        """The n-grams of each length, as vectors of length 1."""
        return [functional.normalize(grams(vectors, mask), dim=2) for grams in self.grams]
