"""TK: word vectors with a little context, read by kernels (Hofstaetter et al. 2020)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from skerry.ranking.features.batch import Batch, Fields
from skerry.ranking.interaction.contextual import MixedContext
from skerry.ranking.interaction.idf_gate import relative_idf
from skerry.ranking.interaction.kernels import KernelBank, kernel_centres, log_pool
from skerry.ranking.interaction.similarity import cosine_matrix
from skerry.ranking.neural.base import DOCUMENT_TERMS, QUERY_TERMS, NeuralModel

_LOUDER = 20.0
"""A hundredth of a logarithm would ask for weights that the layers' learning rate never reaches. Those it
begins with are as much smaller: drawn this loud they would say anything at first."""


class Tk(NeuralModel):
    """`layers` transformer layers, mixed with the plain vectors by one learnt share; kernels of one width.

    A document's words are read without the query, so they could be kept.

    Args:
        inner: width of the layers' feed-forward part.
        idf: weigh the query's words by it, as the vectors are frozen; the paper has them all alike.
    """

    learning_rate: ClassVar[float] = 2e-3

    def __init__(
        self,
        width: int,
        query_terms: int = QUERY_TERMS,
        document_terms: int = DOCUMENT_TERMS,
        *,
        kernels: int = 11,
        layers: int = 2,
        inner: int = 100,
        idf: bool = True,
    ) -> None:
        super().__init__(Fields(query_terms, document_terms, idf=idf))
        self.words = MixedContext(width, inner, layers)
        self.bank = KernelBank(kernel_centres(kernels), [0.1] * kernels)
        self.by_log = nn.Linear(kernels, 1)
        with torch.no_grad():
            self.by_log.weight /= _LOUDER
        self.by_share = nn.Linear(kernels, 1, bias=False)

    def forward(self, batch: Batch) -> Tensor:
        queries = batch.a_row(self.words(batch.query_vectors, batch.query_mask))
        documents = self.words(batch.document_vectors, batch.document_mask)
        mask, weights = batch.pair_mask, None
        if self.fields.idf:
            weights = batch.a_row(relative_idf(batch.query_idf, batch.query_mask))
        counts = self.bank(cosine_matrix(queries, documents, mask), mask)
        shares = (counts / batch.lengths.clamp(min=1).view(-1, 1, 1)).sum(1)
        logs = _LOUDER * log_pool(counts, batch.row_query_mask, weights)
        scores: Tensor = (self.by_log(logs) + self.by_share(shares)).squeeze(1)
        return scores
