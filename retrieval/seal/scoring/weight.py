"""What a key is worth: how much likelier the query makes it than the corpus does.

With N tokens in the corpus and F(n) occurrences of key n (Bevilacqua et al. 2022, equations 4 to 6):

    s = log P(n | query)        u = log((F(n) + 5) / (N + 5))
    w = max(0, [s + log(1 - e^u)] - [u + log(1 - e^s)])

that is, the logarithm of the odds of n under the model over its odds in the corpus.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.seal.scoring.keys import KINDS, Keys
from skerry.retrieval.seal.scoring.options import ScoringOptions

CERTAIN = -1e-6
"""The model's log-probabilities are taken as at most this: certainty would be worth infinitely much."""


def log_prior(counts: NDArray[np.int64], tokens: int, smoothing: float = 5.0) -> NDArray[np.float64]:
    """u of keys that occur `counts` times among `tokens` tokens; same shape, at most 0."""
    priors: NDArray[np.float64] = np.log((counts + smoothing) / (tokens + smoothing))
    return np.minimum(0.0, priors)


def weight(log_probs: NDArray[np.floating[Any]], log_priors: NDArray[np.float64]) -> NDArray[np.float64]:
    """w of keys with s = `log_probs` and u = `log_priors`; same shape, finite, at least 0."""
    likely = np.minimum(log_probs.astype(np.float64), CERTAIN)
    with np.errstate(divide="ignore"):  # log(1 - e^0) is minus infinity: what is everywhere is worth nothing
        gain = likely + _log_rest(log_priors) - (log_priors + _log_rest(likely))
    return np.maximum(0.0, gain)


def key_weights(keys: Keys, tokens: int, options: ScoringOptions) -> NDArray[np.float64]:
    """What each key adds to a passage, uncovered: w to the power, times its kind's factor; float64 (n,).

    Keys of one token have the power and the factor of single tokens, whatever their kind, unless
    `options.query_tokens` says otherwise for the query's.
    """
    plain = weight(keys.log_probs, log_prior(keys.counts, tokens, options.smoothing))
    factors = {"title": options.title_factor, "query": options.query_factor}
    factor = np.array([factors.get(kind, 1.0) for kind in KINDS])[keys.kinds]
    single = keys.lengths == 1
    if options.query_tokens:
        single &= keys.kinds != KINDS.index("query")
    return np.where(
        single, plain**options.unigram_power * options.unigram_factor, plain**options.power * factor
    )


def unigram_weights(
    log_probs: NDArray[np.float32], counts: NDArray[np.int64], tokens: int, options: ScoringOptions
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The tokens that are worth something by themselves.

    Args:
        log_probs: of the first step under the body prompt, shape (logit columns,).
        counts: occurrences of each token in the corpus, shape (alphabet,).
        tokens: of the corpus.
        options: how many of the likeliest count, the smoothing and the factor.

    Returns:
        Tokens, int64 of shape (k,), and their weights above 0, float64 of shape (k,).
    """
    known = min(len(log_probs), len(counts))
    top = np.arange(known)
    if options.unigrams < known:
        top = np.argpartition(-log_probs[:known], options.unigrams)[: options.unigrams]
    top = top[counts[top] > 0]
    plain = weight(log_probs[top], log_prior(counts[top], tokens, options.smoothing))
    worth = options.unigram_factor * plain**options.unigram_power
    return top[worth > 0], worth[worth > 0]


def _log_rest(log_probs: NDArray[np.float64]) -> NDArray[np.float64]:
    """log(1 - e^x) of x <= 0, exact near 0 and far from it."""
    near = log_probs > -np.log(2)
    return np.where(
        near,
        np.log(-np.expm1(np.where(near, log_probs, -1.0))),
        np.log1p(-np.exp(np.where(near, -1.0, log_probs))),
    )
