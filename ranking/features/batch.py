"""What a neural ranker asks for, and what it gets."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Fields:
    """The inputs that a model declares; what it does not declare is not worked out and empty in its batches.

    Attributes:
        query_terms, document_terms: words that it reads at most; what is longer is cut.
        vectors: the words' vectors.
        exact: which document words are the very query words.
        idf: how rare the query's words are.
    """

    query_terms: int
    document_terms: int
    vectors: bool = True
    exact: bool = False
    idf: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """n candidates of q queries. Padding stands behind a text and never means anything.

    Attributes:
        owner: which query each candidate is of, int64 (n,).
        query_ids, query_mask: int64 and bool (q, Q); ids are 0 and the mask false where a query has ended.
        query_vectors: float32 (q, Q, width).
        query_idf: float32 (q, Q).
        document_ids, document_mask: int64 and bool (n, D).
        document_vectors: float32 (n, D, width).
        exact: bool (n, Q, D): document word j is query word i.
        prior: float32 (n,), the first stage's order as `interpolation.candidates_prior` has it.
    """

    owner: Tensor
    query_ids: Tensor
    query_mask: Tensor
    query_vectors: Tensor
    query_idf: Tensor
    document_ids: Tensor
    document_mask: Tensor
    document_vectors: Tensor
    exact: Tensor
    prior: Tensor

    def a_row(self, of_queries: Tensor) -> Tensor:
        """A query's value for each of its candidates: (q, ...) to (n, ...)."""
        return of_queries[self.owner]

    @property
    def row_query_mask(self) -> Tensor:
        """bool (n, Q)."""
        return self.a_row(self.query_mask)

    @property
    def pair_mask(self) -> Tensor:
        """bool (n, Q, D): neither word is padding."""
        return self.row_query_mask.unsqueeze(2) & self.document_mask.unsqueeze(1)

    @property
    def lengths(self) -> Tensor:
        """Words a document, int64 (n,)."""
        return self.document_mask.sum(1)
