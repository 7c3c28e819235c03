"""Late interaction: every query word's best match, added up (Khattab and Zaharia 2020), on word vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skerry.ranking.features.batch import Batch, Fields
from skerry.ranking.interaction.contextual import MixedContext
from skerry.ranking.interaction.masked import masked_max
from skerry.ranking.interaction.similarity import cosine_matrix
from skerry.ranking.neural.base import DOCUMENT_TERMS, QUERY_TERMS, NeuralModel


class MaxSim(NeuralModel):
    """Each side through `layers` transformer layers, then the sum over query words of the best cosine.

    Args:
        inner: width of the layers' feed-forward part.
    """

    def __init__(
        self,
        width: int,
        query_terms: int = QUERY_TERMS,
        document_terms: int = DOCUMENT_TERMS,
        *,
        layers: int = 1,
        inner: int = 100,
    ) -> None:
        super().__init__(Fields(query_terms, document_terms))
        self.words = MixedContext(width, inner, layers)
        self.sharpness = nn.Parameter(torch.tensor(2.0))

    def forward(self, batch: Batch) -> Tensor:
        queries = batch.a_row(self.words(batch.query_vectors, batch.query_mask))
        documents = self.words(batch.document_vectors, batch.document_mask)
        mask = batch.pair_mask
        best = masked_max(cosine_matrix(queries, documents, mask), mask, 2)
        return self.sharpness * best.sum(1)
