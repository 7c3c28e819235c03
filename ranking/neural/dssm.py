"""DSSM: each side to one vector, and their cosine (Huang et al. 2013).

It reads word vectors, where the paper has letter trigrams.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from skerry.ranking.features.batch import Batch, Fields
from skerry.ranking.interaction.masked import masked_mean
from skerry.ranking.neural.base import DOCUMENT_TERMS, QUERY_TERMS, NeuralModel


class Dssm(NeuralModel):
    """The mean of the words through width-`hidden`-`out` with tanh, the same weights for both sides."""

    def __init__(
        self,
        width: int,
        query_terms: int = QUERY_TERMS,
        document_terms: int = DOCUMENT_TERMS,
        *,
        hidden: int = 128,
        out: int = 128,
    ) -> None:
        super().__init__(Fields(query_terms, document_terms))
        self.tower = nn.Sequential(nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, out), nn.Tanh())
        self.sharpness = nn.Parameter(torch.tensor(10.0))

    def forward(self, batch: Batch) -> Tensor:
        queries = self.tower(masked_mean(batch.query_vectors, batch.query_mask))
        documents = self.tower(masked_mean(batch.document_vectors, batch.document_mask))
        return self.sharpness * functional.cosine_similarity(batch.a_row(queries), documents, dim=1)
