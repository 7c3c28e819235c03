"""Plain beam search: the best continuations of a lane, whichever hypotheses they continue."""

from __future__ import annotations

import numpy as np

from skerry.retrieval.seal.decoding.candidates import Candidates, Chosen, best_of_each


def choose_best(candidates: Candidates, beams: int, groups: int = 1) -> Chosen:
    """The `beams` best continuations of each lane, best first; fewer where a lane has fewer.

    They are dealt out to the groups of diverse beam search, the best to the first group. That is its first
    step too: all groups continue the same empty hypothesis there, and as no two may hold the same one, a
    token taken by one is out for the others, penalty or not.
    """
    width = candidates.tokens.shape[1]
    real = np.flatnonzero(np.isfinite(candidates.scores))
    best, ranks = best_of_each(candidates.scores.ravel()[real], candidates.lanes[real // width], beams)
    rows, columns = np.divmod(real[best], width)
    return Chosen(rows, columns, ranks // (beams // groups))
