"""MatchPyramid: the similarity matrix as an image (Pang et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from skerry.ranking.features.batch import Batch, Fields
from skerry.ranking.interaction.grid import Grid
from skerry.ranking.interaction.segment_max import segment_max
from skerry.ranking.interaction.similarity import word_similarity
from skerry.ranking.neural.base import DOCUMENT_TERMS, QUERY_TERMS, NeuralModel


class MatchPyramid(NeuralModel):
    """3x3 filters, then the *maximum* of `rows` x `columns` parts: an average would drown the few matches."""

    def __init__(
        self,
        width: int,
        query_terms: int = QUERY_TERMS,
        document_terms: int = DOCUMENT_TERMS,
        *,
        filters: Sequence[int] = (16, 32),
        rows: int = 3,
        columns: int = 10,
        hidden: int = 128,
    ) -> None:
        super().__init__(Fields(query_terms, document_terms, exact=True))
        self._rows, self._columns = rows, columns
        channels = (1, *filters)
        self.grids = nn.ModuleList(Grid(before, after, 3) for before, after in pairwise(channels))
        self.dense = nn.Sequential(
            nn.Linear(channels[-1] * rows * columns, hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )

    def forward(self, batch: Batch) -> Tensor:
        mask = batch.pair_mask
        image = word_similarity(batch).unsqueeze(1)
        for grid in self.grids:
            image = torch.relu(grid(image, mask))
        pooled = segment_max(image, batch.lengths, self._columns)
        pooled = segment_max(pooled.transpose(2, 3), batch.row_query_mask.sum(1), self._rows)
        scores: Tensor = self.dense(pooled.flatten(1)).squeeze(1)
        return scores
