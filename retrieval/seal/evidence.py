"""From the keys that a passage was scored by to what a reader is shown: texts, counts, places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.base import Evidence
from skerry.retrieval.corpus.records import Passage
from skerry.retrieval.corpus.store import PassageStore

if TYPE_CHECKING:
    from skerry.retrieval.seal.scoring import Match, Matches
    from skerry.retrieval.seal.vocabulary import Vocabulary

_LEG = "seal"


@dataclass(frozen=True, slots=True)
class FoundEvidence(Sequence[tuple[Evidence, ...]]):
    """The evidence of a ranked list of passages, worked out when it is looked at: most never is.

    Attributes:
        ordinals: the passages, int64 of shape (n,).
        matches: what their scores are made of, in the same order.
        most: pieces of evidence of one passage.
    """

    ordinals: NDArray[np.int64]
    matches: Matches
    passages: PassageStore
    vocabulary: Vocabulary
    most: int

    def __len__(self) -> int:
        return len(self.ordinals)

    @overload
    def __getitem__(self, rank: int) -> tuple[Evidence, ...]: ...
    @overload
    def __getitem__(self, rank: slice) -> Sequence[tuple[Evidence, ...]]: ...
    def __getitem__(self, rank: int | slice) -> tuple[Evidence, ...] | Sequence[tuple[Evidence, ...]]:
        if isinstance(rank, slice):
            return [self[number] for number in range(*rank.indices(len(self)))]
        number = range(len(self))[rank]
        matches = self.matches.of(number)[: self.most]
        if not matches:
            return ()
        [passage] = self.passages.get_many(self.ordinals[number : number + 1])
        return evidence_of(passage, matches, self.vocabulary)


def evidence_of(passage: Passage, matches: Sequence[Match], vocabulary: Vocabulary) -> tuple[Evidence, ...]:
    """Matches in a passage, in words.

    A match in the title has no characters of the text; one that is only white space is left out.
    """
    places = vocabulary.offsets(passage.title, passage.text)
    text_start = len(vocabulary.words(passage.title)) + 1
    evidence = []
    for match in matches:
        ngram = vocabulary.text(match.tokens).strip()
        if not ngram:
            continue
        inside = [p for p in places[max(match.start, text_start) : match.stop] if p[0] < p[1]]
        evidence.append(
            Evidence(
                ngram=ngram,
                count=match.count,
                score=match.contribution,
                spans=((inside[0][0], inside[-1][1]),) if inside else (),
                leg=_LEG,
                in_title=match.start < text_start,
            )
        )
    return tuple(evidence)
