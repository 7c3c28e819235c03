"""`lm_fm`: a passage is worth the best weight of its keys ("LM+FM" in Bevilacqua et al. 2022)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.seal.scoring.base import Scored
from skerry.retrieval.seal.scoring.corpus import Corpus
from skerry.retrieval.seal.scoring.keys import Keys
from skerry.retrieval.seal.scoring.options import ScoringOptions
from skerry.retrieval.seal.scoring.single_best import single_best
from skerry.retrieval.seal.scoring.weight import log_prior, weight


def lm_fm(
    keys: Keys,
    first_log_probs: NDArray[np.float32],
    corpus: Corpus,
    options: ScoringOptions,
    *,
    matches: int = 0,
    within: NDArray[np.int64] | None = None,
) -> Scored:
    """Scores are w of the best key: its odds under the model over its odds in the corpus.

    Of the options only `max_count`, `candidates` and `smoothing` matter. Otherwise as `Scoring`.
    """
    priors = log_prior(keys.counts, corpus.index.tokens, options.smoothing)
    worth = weight(keys.log_probs, priors)
    return single_best(keys, worth, worth > 0, corpus, options, matches, within)
