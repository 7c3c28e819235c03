"""A passage is worth its best key: what `lm` and `lm_fm` share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.seal.scoring.base import Matches, Scored
from skerry.retrieval.seal.scoring.corpus import Corpus
from skerry.retrieval.seal.scoring.keys import Keys
from skerry.retrieval.seal.scoring.located import best_first, locate, top
from skerry.retrieval.seal.scoring.options import ScoringOptions
from skerry.retrieval.seal.scoring.ragged import parts


def single_best(
    keys: Keys,
    worth: NDArray[np.float64],
    usable: NDArray[np.bool_],
    corpus: Corpus,
    options: ScoringOptions,
    matches: int,
    within: NDArray[np.int64] | None,
) -> Scored:
    """Score passages by the highest `worth` (n,) of keys in them that are `usable` (n,) and rare enough."""
    usable = usable & (keys.counts <= options.max_count)
    ranked = best_first(keys, np.where(usable, worth, -np.inf), titles_apart=True)
    ranked = ranked[usable[ranked]]
    places = locate(keys, ranked, corpus, within)
    # By passage, then rank, then start: the first of a passage is its best key's first place.
    order = np.lexsort((places.starts, places.ranks, places.passages))
    passages, firsts = np.unique(places.passages[order], return_index=True)
    best = order[firsts]
    chosen = ranked[places.ranks[best]]
    kept = top(passages, worth[chosen], options.candidates)
    shown = kept[:matches]
    starts = places.starts[best[shown]]
    return Scored(
        passages[kept],
        worth[chosen[kept]],
        Matches(
            np.arange(len(shown) + 1),
            chosen[shown],
            starts,
            starts + keys.lengths[chosen[shown]],
            keys.counts[chosen[shown]],
            worth[chosen[shown]],
            parts(keys.offsets, keys.tokens, chosen[shown])[1],
        ),
        places.seconds,
    )
