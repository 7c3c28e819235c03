"""DeepRank: windows around the query's words, measured, then added up by query word (Pang et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skerry.ranking.features.batch import Batch, Fields
from skerry.ranking.interaction.grid import Grid
from skerry.ranking.interaction.masked import masked_max, masked_softmax
from skerry.ranking.interaction.similarity import word_similarity
from skerry.ranking.interaction.windows import Windows, query_windows
from skerry.ranking.neural.base import DOCUMENT_TERMS, QUERY_TERMS, NeuralModel


class DeepRank(NeuralModel):
    """The first `most` occurrences of each query word; a document with none has the score of no evidence.

    Args:
        size: words of a window, odd.
        filters: of the convolution that measures a window.
        hidden: of the recurrent layer over a query word's windows.
    """

    def __init__(
        self,
        width: int,
        query_terms: int = QUERY_TERMS,
        document_terms: int = DOCUMENT_TERMS,
        *,
        most: int = 5,
        size: int = 15,
        filters: int = 16,
        hidden: int = 16,
    ) -> None:
        super().__init__(Fields(query_terms, document_terms, exact=True))
        self._most, self._size, self._filters = most, size, filters
        self.measure = Grid(1, filters, 3)
        self.over_windows = nn.GRU(filters + 1, hidden, batch_first=True)
        self.gate = nn.Parameter(torch.zeros(width))
        self.score = nn.Linear(hidden, 1)

    def forward(self, batch: Batch) -> Tensor:
        windows = query_windows(word_similarity(batch), batch.exact, self._most, self._size)
        states, _ = self.over_windows(self._measured(batch, windows).flatten(0, 1))
        states = states.unflatten(0, windows.there.shape[:2])
        words = masked_max(states, windows.there.unsqueeze(3), 2)
        shares = batch.a_row(masked_softmax(batch.query_vectors @ self.gate, batch.query_mask))
        scores: Tensor = self.score((words * shares.unsqueeze(2)).sum(1)).squeeze(1)
        return scores

    def _measured(self, batch: Batch, windows: Windows) -> Tensor:
        """(n, Q, H, filters + 1): each window's strongest signals, and how early it stands."""
        of_row = torch.nonzero(windows.there)[:, 0]
        mask = batch.row_query_mask[of_row].unsqueeze(2).expand_as(windows.similarity)
        signals = torch.relu(self.measure(windows.similarity.unsqueeze(1), mask)).flatten(2).amax(2)
        early = 1 / (1 + windows.places[windows.there] / self._size)
        measured = signals.new_zeros(*windows.there.shape, self._filters + 1)
        measured[windows.there] = torch.cat([signals, early.unsqueeze(1)], dim=1)
        return measured
