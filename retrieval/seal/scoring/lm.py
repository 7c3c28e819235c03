"""`lm`: a passage is worth the most probable of its keys ("LM" in Bevilacqua et al. 2022)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.seal.scoring.base import Scored
from skerry.retrieval.seal.scoring.corpus import Corpus
from skerry.retrieval.seal.scoring.keys import Keys
from skerry.retrieval.seal.scoring.options import ScoringOptions
from skerry.retrieval.seal.scoring.single_best import single_best


def lm(
    keys: Keys,
    first_log_probs: NDArray[np.float32],
    corpus: Corpus,
    options: ScoringOptions,
    *,
    matches: int = 0,
    within: NDArray[np.int64] | None = None,
) -> Scored:
    """Scores are log P(n | query) of the best key n; what else stands in the passage does not matter.

    Of the options only `max_count` and `candidates` matter. Otherwise as `Scoring`.
    """
    usable = np.isfinite(keys.log_probs)
    return single_best(keys, keys.log_probs, usable, corpus, options, matches, within)
