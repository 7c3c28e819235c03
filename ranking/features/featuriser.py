"""Requests to batches: words once a text, then whole arrays at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skerry.core.deadline import Deadline
from skerry.ranking.base import RankRequest
from skerry.ranking.features.batch import Batch, Fields
from skerry.ranking.features.idf import Idf
from skerry.ranking.features.vectors import PAD, WordVectors
from skerry.ranking.features.words import first_words
from skerry.ranking.interpolation import candidates_prior
from skerry.ranking.pair_network import passage_text

_BATCH_TERMS = 16_384
_CHECK_EVERY = 256


@dataclass(frozen=True, slots=True)
class Encoded:
    """Queries and candidates as numbers of words.

    Attributes:
        queries, documents: a list of numbers a text.
        owner: the query of each document, int64 (n,).
        prior: float32 (n,), see `Batch`.
    """

    queries: Sequence[Sequence[int]]
    documents: Sequence[Sequence[int]]
    owner: NDArray[np.int64]
    prior: NDArray[np.float32]


class Featuriser:
    """Works out what one model's `fields` declare.

    Args:
        vectors, idf: of the words.
    """

    def __init__(self, vectors: WordVectors, idf: Idf, fields: Fields) -> None:
        self._vectors, self._idf, self.fields = vectors, idf, fields

    def query(self, text: str) -> list[int]:
        """A query's words as numbers. Raises `InvalidInput` for invalid Unicode."""
        return self._vectors.numbers(first_words(text, self.fields.query_terms))

    def document(self, title: str, text: str) -> list[int]:
        """A passage's words as numbers, its title's first. Raises `InvalidInput` for invalid Unicode."""
        return self._vectors.numbers(first_words(passage_text(title, text), self.fields.document_terms))

    def encode(self, requests: Sequence[RankRequest], deadline: Deadline | None = None) -> Encoded:
        """Every query and every candidate, in order.

        Raises:
            InvalidInput: invalid Unicode.
            DeadlineExceeded, Cancelled: between candidates.
        """
        counts = [len(request.candidates) for request in requests]
        priors = [candidates_prior(request.candidates) for request in requests]
        return Encoded(
            [self.query(request.query) for request in requests],
            list(self._documents(requests, deadline)),
            np.repeat(np.arange(len(requests)), counts),
            np.concatenate([np.empty(0, np.float32), *priors]),
        )

    def _documents(self, requests: Sequence[RankRequest], deadline: Deadline | None) -> Iterator[list[int]]:
        candidates = chain.from_iterable(request.candidates for request in requests)
        for number, candidate in enumerate(candidates):
            if deadline is not None and number % _CHECK_EVERY == 0:
                deadline.check("reading passages")
            yield self.document(candidate.title, candidate.text)

    def batches(
        self, encoded: Encoded, batch_terms: int = _BATCH_TERMS
    ) -> Iterator[tuple[NDArray[np.int64], Batch]]:
        """Documents of like length together, longest first, each batch about `batch_terms` with its padding.

        Yields:
            Row numbers, int64 of shape (n,), and the batch of them.
        """
        sizes = np.fromiter(map(len, encoded.documents), np.int64, len(encoded.documents))
        order = np.argsort(-sizes, kind="stable")
        start = 0
        while start < len(order):
            width = max(1, int(sizes[order[start]]))
            rows = order[start : start + max(1, batch_terms // width)]
            yield rows, self.batch(encoded, rows)
            start += len(rows)

    def batch(self, encoded: Encoded, rows: NDArray[np.int64] | None = None) -> Batch:
        """One batch of some rows, or of all, with the queries that they are of."""
        rows = np.arange(len(encoded.documents)) if rows is None else rows
        owners, owner = np.unique(encoded.owner[rows], return_inverse=True)
        query_ids, query_mask = _padded([encoded.queries[number] for number in owners])
        document_ids, document_mask = _padded([encoded.documents[row] for row in rows])
        of_query = torch.from_numpy(owner.astype(np.int64))
        fields, nothing = self.fields, torch.empty(0)
        exact = nothing.bool()
        if fields.exact:
            same = query_ids[of_query].unsqueeze(2) == document_ids.unsqueeze(1)
            exact = same & document_mask.unsqueeze(1)
        return Batch(
            owner=of_query,
            query_ids=query_ids,
            query_mask=query_mask,
            query_vectors=self._vectors.vectors(query_ids) if fields.vectors else nothing,
            query_idf=self._idf.of(query_ids) if fields.idf else nothing,
            document_ids=document_ids,
            document_mask=document_mask,
            document_vectors=self._vectors.vectors(document_ids) if fields.vectors else nothing,
            exact=exact,
            prior=torch.from_numpy(encoded.prior[rows]),
        )


def _padded(texts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Ids, int64, and mask, bool, both of shape (texts, longest); at least one column."""
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    width = max(1, int(sizes.max(initial=0)))
    mask = np.arange(width) < sizes[:, None]
    ids = np.full(mask.shape, PAD, np.int64)
    ids[mask] = np.fromiter(chain.from_iterable(texts), np.int64, int(sizes.sum()))
    return torch.from_numpy(ids), torch.from_numpy(mask)
