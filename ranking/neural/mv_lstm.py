"""MV-LSTM: words in their context, compared in several ways, the strongest kept (Wan et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skerry.ranking.features.batch import Batch, Fields
from skerry.ranking.interaction.k_max import k_max
from skerry.ranking.interaction.recurrent import BothWays
from skerry.ranking.neural.base import DOCUMENT_TERMS, QUERY_TERMS, NeuralModel


class MvLstm(NeuralModel):
    """A BiLSTM of `hidden` a direction, `slices` of a similarity tensor, the `k` largest of each."""

    def __init__(
        self,
        width: int,
        query_terms: int = QUERY_TERMS,
        document_terms: int = DOCUMENT_TERMS,
        *,
        hidden: int = 32,
        slices: int = 4,
        k: int = 10,
        dense: int = 32,
    ) -> None:
        super().__init__(Fields(query_terms, document_terms))
        self._k = k
        self.reader = BothWays(width, hidden)
        states = 2 * hidden
        self.tensor = nn.Parameter(torch.randn(slices, states, states) / states)
        self.query_part = nn.Linear(states, slices)
        self.document_part = nn.Linear(states, slices, bias=False)
        self.dense = nn.Sequential(nn.Linear(slices * k, dense), nn.ReLU(), nn.Linear(dense, 1))

    def forward(self, batch: Batch) -> Tensor:
        queries = self.reader(batch.query_vectors, batch.query_mask)
        documents = self.reader(batch.document_vectors, batch.document_mask)
        bent = torch.einsum("qih,shk->qsik", queries, self.tensor)
        similarity = torch.matmul(batch.a_row(bent), documents.unsqueeze(1).transpose(2, 3))
        similarity = similarity + batch.a_row(self.query_part(queries)).transpose(1, 2).unsqueeze(3)
        similarity = similarity + self.document_part(documents).transpose(1, 2).unsqueeze(2)
        mask = batch.pair_mask.flatten(1).unsqueeze(1)
        strongest = k_max(torch.relu(similarity).flatten(2), mask, self._k)
        scores: Tensor = self.dense(strongest.flatten(1)).squeeze(1)
        return scores
