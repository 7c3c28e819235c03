"""Co-PACRR: PACRR that looks at a match's surroundings and at where in the text it is (Hui et al. 2018)."""

from __future__ import annotations

from skerry.ranking.neural.base import DOCUMENT_TERMS, QUERY_TERMS
from skerry.ranking.neural.pacrr import Pacrr


class CoPacrr(Pacrr):
    """PACRR with context, cascade over quarters of the document, and shuffled query words."""

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
        context: int = 4,
        cascade: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0),
        shuffle: bool = True,
    ) -> None:
        super().__init__(
            width,
            query_terms,
            document_terms,
            longest=longest,
            filters=filters,
            k=k,
            hidden=hidden,
            context=context,
            cascade=cascade,
            shuffle=shuffle,
        )
