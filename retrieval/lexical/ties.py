"""A total order over engine scores: equal scores by ordinal, wherever an engine stops counting."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.base import Candidates

_DECIMALS = 4
"""Engines add a document's term scores up in varying order: the last bits of a sum mean nothing."""

Fetch = Callable[[int], tuple[NDArray[np.int64], NDArray[np.float64]]]
"""Asks an engine for its best n: ordinals and scores, descending, both of shape (at most n,)."""


def best(fetch: Fetch, limit: int, ceiling: int) -> Candidates:
    """The `limit` best of `fetch`, ordered by (score rounded to 1e-4, descending; ordinal, ascending).

    Asks for more while the cut would fall inside a run of equal scores, up to `ceiling` (the index's size).
    """
    wanted = min(limit, ceiling)
    asked = min(wanted + 8, ceiling)
    while True:
        ordinals, raw = fetch(asked)
        scores = np.round(raw, _DECIMALS)
        complete = len(scores) < asked or asked == ceiling
        if complete or scores[-1] < scores[wanted - 1]:
            break
        asked = min(asked * 4, ceiling)
    order = np.lexsort((ordinals, -scores))[:wanted]
    return Candidates(ordinals[order], scores[order].astype(np.float32))
