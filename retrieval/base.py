"""The words of retrieval: what a leg gives back, what a hit is, and what every retriever can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.retrieval.corpus.records import Passage

Option: TypeAlias = str | int | float | bool
"""A leg's knob: `ef_search`, `dimensions`, `beams`, ..."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a passage was found: a matched n-gram, how often the corpus has it, what it was worth.

    Attributes:
        ngram: its text.
        count: occurrences in the corpus; 0 where the leg does not know it.
        score: what it added to the leg's score of the passage.
        spans: (start, end) characters in the passage's text.
        leg: which leg matched it.
        in_title: it stands in the page's title; without spans, only there.
    """

    ngram: str
    count: int
    score: float
    spans: tuple[tuple[int, int], ...] = ()
    leg: str = ""
    in_title: bool = False


@dataclass(frozen=True, slots=True)
class Candidates:
    """One leg's ranked list for one query.

    Attributes:
        ordinals: passage ordinals, best first, int64 of shape (n,).
        scores: the leg's own scores, descending, float32 of shape (n,).
        evidence: empty, or one tuple of evidence for each candidate; may be worked out when it is looked at.
        timings: seconds by part of the leg's work, of the whole call that the query shared; empty where the
            leg does not say.
    """

    ordinals: NDArray[np.int64]
    scores: NDArray[np.float32]
    evidence: Sequence[tuple[Evidence, ...]] = ()
    timings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LegScore:
    """A hit's place in one leg's list; `rank` counts from 1."""

    leg: str
    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found, its fused score, and what each leg that found it said."""

    passage: Passage
    score: float
    legs: tuple[LegScore, ...] = ()
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class LegRequest:
    """One leg of a retrieval: how many candidates, its weight in the fusion, its own knobs."""

    name: str
    limit: int = 100
    weight: float = 1.0
    options: Mapping[str, Option] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RetrievalRequest:
    """A question for the retrieval pipeline.

    Attributes:
        query: the user's words.
        legs: at least one leg of the index.
        fusion: "rrf" or "convex" (see `retrieval/fusion`), or "learned", the index's own
            (`skerry train fusion`), for exactly the legs that it was learnt on; with one leg the leg's own
            order stands.
        limit: most hits to return.
        page_ids: when not empty, only passages of these pages.
    """

    query: str
    legs: tuple[LegRequest, ...]
    fusion: str = "rrf"
    limit: int = 10
    page_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RetrievalResult:
    """Hits, best first, and seconds by stage."""

    hits: tuple[Hit, ...]
    timings: Mapping[str, float]


class Retriever(Protocol):
    """One leg, opened on one index version. Safe to call from several threads."""

    name: str

    def retrieve(
        self,
        queries: Sequence[str],
        limit: int,
        options: Mapping[str, Option],
        deadline: Deadline,
        within: NDArray[np.int64] | None = None,
    ) -> list[Candidates]:
        """At most `limit` candidates for each query.

        `within`, where given, restricts the search to these passage ordinals (ascending): the best of them
        are found, however far down they would stand among all.

        Raises:
            InvalidInput: an option that this leg does not know, or a value it cannot take.
            DeadlineExceeded, Cancelled: between batches.
        """
        ...

    def close(self) -> None: ...


class RetrievalChain(Protocol):
    """All legs, fused: the local pipeline over an index, or a client of a running service."""

    def retrieve(self, requests: Sequence[RetrievalRequest], deadline: Deadline) -> list[RetrievalResult]:
        """One result a request, in order.

        Raises:
            InvalidInput: an empty query, no legs, a limit out of range.
            NotFound: an unknown leg or fusion.
            IndexNotReady: a known leg that this index was built without.
        """
        ...
