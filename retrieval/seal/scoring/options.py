"""The knobs of scoring."""

from __future__ import annotations

import math
from dataclasses import dataclass

from skerry.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class ScoringOptions:
    """How keys make scores. The defaults are the paper's.

    Args:
        max_count: keys that occur more often than this are not located: they find no passages, and only
            count in passages found by others. At least 1.
        candidates: passages kept after the first stage, and so the most that are returned. At least 1.
        unigrams: tokens of the first step's distribution that count, the likeliest. 0 for none.
        repetition: b: the share of a key's weight that is lost when higher-scored keys of the passage have
            all of its tokens; in [0, 1].
        power: the exponent of the weights of keys of two tokens or more; above 0.
        smoothing: added to counts and to their total; above 0.
        unigram_power: the exponent of the weights of single tokens; above 0.
        title_factor, query_factor, unigram_factor: multiply the weights of titles, of n-grams of the query,
            and of single tokens, after the power; 0 leaves them out.
        length_share: by this share a score is divided by the passage's length over the mean length, as by
            BM25's b; in [0, 1]. Long passages hold more keys by chance.
        query_tokens: whether the query's n-grams of one token are weighed like its longer ones; otherwise
            they are single tokens like any other.

    Raises:
        InvalidInput: a value outside its bounds.
    """

    max_count: int = 1500
    candidates: int = 1500
    unigrams: int = 5000
    repetition: float = 0.8
    power: float = 2.0
    smoothing: float = 5.0
    title_factor: float = 1.0
    query_factor: float = 1.0
    unigram_factor: float = 1.0
    unigram_power: float = 1.0
    length_share: float = 0.0
    query_tokens: bool = False

    def __post_init__(self) -> None:
        for name, low in (("max_count", 1), ("candidates", 1), ("unigrams", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise _bad(name, value, f"a whole number, at least {low}")
        for name in ("repetition", "length_share"):
            value = getattr(self, name)
            if not _is_number(value) or not 0 <= value <= 1:
                raise _bad(name, value, "a number from 0 to 1")
        for name in ("power", "unigram_power", "smoothing"):
            value = getattr(self, name)
            if not _is_number(value) or not 0 < value < math.inf:
                raise _bad(name, value, "a number above 0")
        for name in ("title_factor", "query_factor", "unigram_factor"):
            value = getattr(self, name)
            if not _is_number(value) or not 0 <= value < math.inf:
                raise _bad(name, value, "a number, at least 0")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bad(name: str, value: object, wanted: str) -> InvalidInput:
    return InvalidInput(f"{name} must be {wanted}; got {value!r}.", details={"option": name})
