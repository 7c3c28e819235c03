"""PACRR: the best places of a similarity matrix, by n-grams of both texts (Hui et al. 2017)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from skerry.ranking.features.batch import Batch, Fields
from skerry.ranking.interaction.grid import Grid
from skerry.ranking.interaction.k_max import k_max, largest
from skerry.ranking.interaction.masked import masked_mean, masked_softmax
from skerry.ranking.interaction.similarity import word_similarity
from skerry.ranking.neural.base import DOCUMENT_TERMS, QUERY_TERMS, NeuralModel


class Pacrr(NeuralModel):
    """Squares of 1 to `longest` words, `filters` filters a size, `k` places a query word, dense 32-32-1.

    The last three arguments are what Co-PACRR adds (Hui et al. 2018), all off by default.

    Args:
        context: words on each side of a place; their mean is compared with the query's. 0 leaves that out.
        cascade: the k best places of these leading shares of the document, each.
        shuffle: the query's words stand in a random order in training, so that no place of a query is learnt.
    """

    def __init__(
        self,
        width: int,
        query_terms: int = QUERY_TERMS,
        document_terms: int = DOCUMENT_TERMS,
        *,
        longest: int = 3,
        filters: int = 32,
        k: int = 2,
        hidden: int = 32,
        context: int = 0,
        cascade: Sequence[float] = (1.0,),
        shuffle: bool = False,
    ) -> None:
        super().__init__(Fields(query_terms, document_terms, exact=True, idf=True))
        self._k, self._context, self._cascade, self._shuffle = k, context, tuple(cascade), shuffle
        self.grids = nn.ModuleList(Grid(1, filters, size, centred=False) for size in range(2, longest + 1))
        each = longest * len(self._cascade) * k * (2 if context else 1) + 1
        self.dense = nn.Sequential(
            nn.Linear(query_terms * each, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def forward(self, batch: Batch) -> Tensor:
        mask, similarity = batch.pair_mask, word_similarity(batch)
        square = similarity.unsqueeze(1)
        grids = cast("Iterable[Grid]", self.grids)
        grams = [similarity, *(grid.bare(square).max(1).values for grid in grids)]
        context = self._contexts(batch).unsqueeze(1).expand_as(similarity) if self._context else None
        features = []
        for share in self._cascade:
            inside = mask & self._leading(batch, share).unsqueeze(1)
            for gram in grams:
                if context is None:
                    features.append(k_max(gram, inside, self._k))
                    continue
                best = largest(gram, inside, self._k)
                around = context.gather(2, best.places).masked_fill(~best.there, 0.0)
                features += [best.values, around]
        features.append(batch.a_row(masked_softmax(batch.query_idf, batch.query_mask)).unsqueeze(2))
        words = torch.cat(features, dim=2)
        words = functional.pad(words, (0, 0, 0, self.fields.query_terms - words.shape[1]))
        if self._shuffle and self.training:
            words = words[:, torch.randperm(words.shape[1])]
        scores: Tensor = self.dense(words.flatten(1)).squeeze(1)
        return scores

    def _leading(self, batch: Batch, share: float) -> Tensor:
        """bool (n, D): the leading share of each document's words, at least one."""
        places = torch.arange(batch.document_mask.shape[1])
        return places < torch.ceil(batch.lengths * share).unsqueeze(1)

    def _contexts(self, batch: Batch) -> Tensor:
        """Cosine of the mean around each document word and the query's mean, (n, D)."""
        size = 2 * self._context + 1
        vectors = batch.document_vectors * batch.document_mask.unsqueeze(2)
        # A cosine does not see that the ends of a text have fewer words around them.
        around = functional.avg_pool1d(
            vectors.transpose(1, 2), size, 1, self._context, count_include_pad=True
        ).transpose(1, 2)
        query = batch.a_row(masked_mean(batch.query_vectors, batch.query_mask))
        return functional.cosine_similarity(around, query.unsqueeze(1), dim=2)
