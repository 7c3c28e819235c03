"""DUET: exact matches and their places, and learnt representations, added up (Mitra et al. 2017).

Both halves read the document in equal segments by its own length, where the paper has fixed places in a
document of a fixed length: passages are short and of many lengths.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from skerry.ranking.features.batch import Batch, Fields
from skerry.ranking.interaction.masked import masked_max
from skerry.ranking.interaction.n_grams import NGrams
from skerry.ranking.interaction.segment_max import segment_max
from skerry.ranking.neural.base import DOCUMENT_TERMS, QUERY_TERMS, NeuralModel


class Duet(NeuralModel):
    """The local half sees idf at each exact match, the distributed half trigrams of both sides.

    Args:
        filters: of each half's convolution.
        segments: of a document.
        hidden: of each half's dense layers.
    """

    def __init__(
        self,
        width: int,
        query_terms: int = QUERY_TERMS,
        document_terms: int = DOCUMENT_TERMS,
        *,
        filters: int = 32,
        segments: int = 10,
        hidden: int = 32,
    ) -> None:
        super().__init__(Fields(query_terms, document_terms, exact=True, idf=True))
        self._segments = segments
        self.matches = NGrams(query_terms, filters, 3)
        self.local = nn.Sequential(nn.Linear(filters * segments, hidden), nn.Tanh(), nn.Linear(hidden, 1))
        self.query = NGrams(width, filters, 3)
        self.query_dense = nn.Sequential(nn.Linear(filters, filters), nn.Tanh())
        self.document = NGrams(width, filters, 3)
        self.distributed = nn.Sequential(
            nn.Linear(filters * segments, hidden), nn.Tanh(), nn.Linear(hidden, 1)
        )

    def forward(self, batch: Batch) -> Tensor:
        scores: Tensor = (self._local(batch) + self._distributed(batch)).squeeze(1)
        return scores

    def _local(self, batch: Batch) -> Tensor:
        weighted = batch.exact * batch.a_row(batch.query_idf).unsqueeze(2)
        missing = self.fields.query_terms - weighted.shape[1]
        words = functional.pad(weighted, (0, 0, 0, missing)).transpose(1, 2)
        found = self.matches(words, batch.document_mask).transpose(1, 2)
        local: Tensor = self.local(segment_max(found, batch.lengths, self._segments).flatten(1))
        return local

    def _distributed(self, batch: Batch) -> Tensor:
        grams = self.query(batch.query_vectors, batch.query_mask)
        query = batch.a_row(self.query_dense(masked_max(grams, batch.query_mask.unsqueeze(2), 1)))
        document = self.document(batch.document_vectors, batch.document_mask).transpose(1, 2)
        segments = segment_max(document, batch.lengths, self._segments)
        distributed: Tensor = self.distributed(torch.flatten(segments * query.unsqueeze(2), 1))
        return distributed
