"""Diverse beam search: groups of beams that avoid each other's tokens.

Vijayakumar et al. 2018, "Diverse Beam Search for Improved Description of Complex Scenes", with their Hamming
diversity: groups choose one after another, and a token costs a group `penalty` for every beam of an earlier
group that took it at the same step. The penalty steers the choice only: hypotheses keep their
log-probability.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.seal.decoding.candidates import Candidates, Chosen, best_of_each


def choose_diverse(candidates: Candidates, beams: int, groups: int, penalty: float) -> Chosen:
    """A later step: each group's `beams // groups` best continuations of its own hypotheses, less penalties.

    Exact when the candidates hold each row's `beams` best continuations: earlier groups penalise at most
    `beams - beams // groups` different tokens.
    """
    width = candidates.tokens.shape[1]
    real = np.flatnonzero(np.isfinite(candidates.scores))
    rows = real // width
    lanes, own_groups = candidates.lanes[rows], candidates.groups[rows]
    scores, tokens = candidates.scores.ravel()[real], candidates.tokens.ravel()[real]
    span = int(tokens.max(initial=0)) + 1
    names = lanes * span + tokens
    taken = np.zeros(0, np.int64)
    chosen: list[NDArray[np.int64]] = []
    for group in range(groups):
        members = np.flatnonzero(own_groups == group)
        counts = np.searchsorted(taken, names[members], "right") - np.searchsorted(taken, names[members])
        best, _ = best_of_each(scores[members] - penalty * counts, lanes[members], beams // groups)
        chosen.append(members[best])
        taken = np.sort(np.concatenate([taken, names[members[best]]]))
    items = np.concatenate(chosen)
    items = items[np.argsort(lanes[items], kind="stable")]
    return Chosen(rows[items], real[items] % width, own_groups[items])
