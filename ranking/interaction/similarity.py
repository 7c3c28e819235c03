"""How alike the words of a query and of a document are, pair by pair."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as nn

from skerry.ranking.features.batch import Batch


def cosine_matrix(query: Tensor, document: Tensor, mask: Tensor, exact: Tensor | None = None) -> Tensor:
    """Cosines in [-1, 1], 0 where the mask is false and for a vector of zeros.

    Args:
        query, document: (n, Q, width) and (n, D, width).
        mask: bool (n, Q, D), false where either word is padding.
        exact: bool (n, Q, D): pairs that are the same word, whose similarity is 1 whatever their vectors say.

    Returns:
        (n, Q, D).
    """
    return unit_cosines(nn.normalize(query, dim=2), nn.normalize(document, dim=2), mask, exact)


def unit_cosines(query: Tensor, document: Tensor, mask: Tensor, exact: Tensor | None = None) -> Tensor:
    """`cosine_matrix` of vectors that have the length 1, or 0, already."""
    cosine = torch.bmm(query, document.transpose(1, 2)).clamp(-1, 1)
    if exact is not None:
        cosine = cosine.masked_fill(exact, 1.0)
    return cosine.masked_fill(~mask, 0.0)


def word_similarity(batch: Batch) -> Tensor:
    """`cosine_matrix` of a batch's word vectors and exact matches, (n, Q, D)."""
    query = batch.a_row(nn.normalize(batch.query_vectors, dim=2))
    return unit_cosines(query, nn.normalize(batch.document_vectors, dim=2), batch.pair_mask, batch.exact)
