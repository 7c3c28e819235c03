"""Which pairs of known pages to learn again beside what is new, so that those pages are not forgotten.

Without rehearsal a model forgets the titles that it no longer sees (Guo et al. 2024, "CorpusBrain++: A
Continual Generative Pre-Training Framework for Knowledge-Intensive Language Tasks").
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.corpusbrain.pretraining.pairs import Pair


def rehearsed(pairs: Sequence[Pair], known: NDArray[np.bool_], share: float, seed: int) -> list[Pair]:
    """The pairs of new pages and, for each of them, `share` pairs of known pages. In the order of `pairs`.

    A pair is of the page that it names first.

    Args:
        known: bool of shape (pages,), which pages the model has learnt before.
    """
    new = [row for row, pair in enumerate(pairs) if not known[pair.pages[0]]]
    old = [row for row, pair in enumerate(pairs) if known[pair.pages[0]]]
    again = random.Random(seed).sample(old, min(len(old), round(share * len(new))))
    return [pairs[row] for row in sorted(new + again)]
