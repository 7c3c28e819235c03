"""DRMM: histograms of what each query word meets, and which words matter (Guo et al. 2016)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from skerry.ranking.features.batch import Batch, Fields
from skerry.ranking.interaction.histogram import histogram
from skerry.ranking.interaction.idf_gate import IdfGate
from skerry.ranking.interaction.similarity import word_similarity
from skerry.ranking.neural.base import DOCUMENT_TERMS, QUERY_TERMS, NeuralModel


class Drmm(NeuralModel):
    """log(1 + count) of `bins` ranges, the last of exact matches, through bins-`hidden`-1 with tanh."""

    learning_rate: ClassVar[float] = 2e-2

    def __init__(
        self,
        width: int,
        query_terms: int = QUERY_TERMS,
        document_terms: int = DOCUMENT_TERMS,
        *,
        bins: int = 30,
        hidden: int = 5,
    ) -> None:
        super().__init__(Fields(query_terms, document_terms, exact=True, idf=True))
        self._bins = bins
        self.words = nn.Sequential(nn.Linear(bins, hidden), nn.Tanh(), nn.Linear(hidden, 1), nn.Tanh())
        self.gate = IdfGate()
        self.scale = nn.Parameter(torch.full((), 5.0))

    def forward(self, batch: Batch) -> Tensor:
        counts = histogram(word_similarity(batch), batch.exact, batch.pair_mask, self._bins)
        gate = batch.a_row(self.gate(batch.query_idf, batch.query_mask))
        score: Tensor = self.scale * (self.words(counts.log1p()).squeeze(2) * gate).sum(1)
        return score
