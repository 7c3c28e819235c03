"""HiNT: evidence passage by passage, then a decision over the document (Fan et al. 2018).

A convolution measures a passage, where the paper has a recurrent network over the plane of words.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from skerry.ranking.features.batch import Batch, Fields
from skerry.ranking.interaction.grid import Grid
from skerry.ranking.interaction.k_max import k_max
from skerry.ranking.interaction.recurrent import BothWays
from skerry.ranking.interaction.similarity import word_similarity
from skerry.ranking.neural.base import DOCUMENT_TERMS, QUERY_TERMS, NeuralModel


class Hint(NeuralModel):
    """Local layer: similarity, exact match and both words reduced to a few numbers; the strongest signals.

    Decision: the strongest of the passages by themselves, and of a BiLSTM that reads them in order.

    Args:
        passage: words a passage.
        reduced: numbers that a word is reduced to.
        k: how many of the strongest are kept, of a passage's signals and of the passages.
        evidence: width of a passage's evidence.
        hidden: of each direction over the passages.
    """

    def __init__(
        self,
        width: int,
        query_terms: int = QUERY_TERMS,
        document_terms: int = DOCUMENT_TERMS,
        *,
        passage: int = 32,
        reduced: int = 1,
        filters: int = 8,
        k: int = 3,
        evidence: int = 16,
        hidden: int = 8,
        dense: int = 32,
    ) -> None:
        super().__init__(Fields(query_terms, document_terms, exact=True))
        self._passage, self._k = passage, k
        self.reduce = nn.Linear(width, reduced)
        self.measure = Grid(2 + 2 * reduced, filters, 3)
        self.evidence = nn.Linear(filters * k, evidence)
        self.in_order = BothWays(evidence, hidden)
        self.dense = nn.Sequential(
            nn.Linear(k * (evidence + 2 * hidden), dense), nn.ReLU(), nn.Linear(dense, 1)
        )

    def forward(self, batch: Batch) -> Tensor:
        mask = self._cut(batch.pair_mask.unsqueeze(1))
        signals = torch.relu(self.measure(self._cut(self._planes(batch)), mask.squeeze(1)))
        strongest = k_max(signals.flatten(2), mask.flatten(2), self._k).flatten(1)
        evidence = torch.relu(self.evidence(strongest)).view(len(batch.owner), -1, self.evidence.out_features)
        words = functional.pad(batch.document_mask, (0, self._missing(batch.document_mask)))
        there = words.view(len(words), -1, self._passage).any(2)
        both = torch.cat([evidence, self.in_order(evidence, there)], dim=2).transpose(1, 2)
        scores: Tensor = self.dense(k_max(both, there.unsqueeze(1), self._k).flatten(1)).squeeze(1)
        return scores

    def _planes(self, batch: Batch) -> Tensor:
        """(n, channels, Q, D)."""
        shape = batch.pair_mask.shape
        query = batch.a_row(self.reduce(batch.query_vectors)).transpose(1, 2).unsqueeze(3)
        document = self.reduce(batch.document_vectors).transpose(1, 2).unsqueeze(2)
        return torch.cat(
            [
                word_similarity(batch).unsqueeze(1),
                batch.exact.unsqueeze(1).float(),
                query.expand(-1, -1, *shape[1:]),
                document.expand(-1, -1, *shape[1:]),
            ],
            dim=1,
        )

    def _missing(self, of_words: Tensor) -> int:
        return -of_words.shape[-1] % self._passage

    def _cut(self, planes: Tensor) -> Tensor:
        """(n, channels, Q, D) to (n * passages, channels, Q, words a passage)."""
        whole = functional.pad(planes, (0, self._missing(planes)))
        cut = whole.view(*whole.shape[:3], -1, self._passage)
        return cut.permute(0, 3, 1, 2, 4).flatten(0, 1)
