"""`intersective`: a passage is worth all of its keys (Bevilacqua et al. 2022, section 3.2).

The first stage scores every passage that has one of the rarer keys by those keys alone. The second reads the
best of these passages and scores them by all keys in them, and by the single tokens that the model's first
step makes likelier than the corpus does, wherever no key covers them.

Of few enough passages to choose from, all are read, so that those that only frequent keys name are found too.
"""

from __future__ import annotations

import time
from functools import partial

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.kernels.key_cover import Covered, RankedKeys, Singles, cover_located, cover_passages
from skerry.retrieval.seal.scoring.base import Matches, Scored
from skerry.retrieval.seal.scoring.corpus import Corpus
from skerry.retrieval.seal.scoring.keys import KINDS, Keys
from skerry.retrieval.seal.scoring.located import best_first, locate, top
from skerry.retrieval.seal.scoring.options import ScoringOptions
from skerry.retrieval.seal.scoring.ragged import parts, spans
from skerry.retrieval.seal.scoring.weight import key_weights, unigram_weights


def intersective(
    keys: Keys,
    first_log_probs: NDArray[np.float32],
    corpus: Corpus,
    options: ScoringOptions,
    *,
    matches: int = 0,
    within: NDArray[np.int64] | None = None,
) -> Scored:
    """Scores are sums of discounted weights, see `skerry.kernels.key_cover`. As `Scoring`.

    Titles count at the beginning of a passage only. Keys of one token count among the single tokens, with the
    better of the two weights.
    """
    if first_log_probs.ndim != 1 or np.isnan(first_log_probs).any():
        raise InvalidInput("The first step's log-probabilities must be one row of numbers.")
    index = corpus.index
    worth = key_weights(keys, index.tokens, options)
    ranked = best_first(keys, worth)
    ranked = ranked[worth[ranked] > 0]
    if within is not None and len(within) <= options.candidates:
        passages, seconds = within, 0.0
    else:
        passages, seconds = _worth_reading(keys, ranked, worth, corpus, options, within)
    start = time.perf_counter()
    offsets, tokens = corpus.passages.extract(passages)
    seconds += time.perf_counter() - start
    long, short = ranked[keys.lengths[ranked] > 1], ranked[keys.lengths[ranked] == 1]
    cover = partial(
        cover_passages,
        _ranked(keys, long, worth),
        _singles(keys, short, worth, first_log_probs, corpus, options),
        index.alphabet,
        options.repetition,
    )
    shares = _length_shares(np.diff(offsets), index.tokens, index.passages, options)
    scores = cover(offsets, tokens).scores / shares
    kept = top(passages, scores, options.candidates)
    kept = kept[scores[kept] > 0]
    offsets, tokens = parts(offsets, tokens, kept[:matches])
    shown = cover(offsets, tokens, matches=True)
    return Scored(
        passages[kept],
        scores[kept],
        _matches(keys, long, short, corpus, shown, offsets, tokens, shares[kept[:matches]]),
        seconds,
    )


def _length_shares(
    lengths: NDArray[np.int64], tokens: int, passages: int, options: ScoringOptions
) -> NDArray[np.float64]:
    """What the scores of passages of these lengths are divided by."""
    relative = lengths.astype(np.float64) * (max(1, passages) / max(1, tokens))
    return 1 - options.length_share + options.length_share * relative


def _worth_reading(
    keys: Keys,
    ranked: NDArray[np.int64],
    worth: NDArray[np.float64],
    corpus: Corpus,
    options: ScoringOptions,
    within: NDArray[np.int64] | None,
) -> tuple[NDArray[np.int64], float]:
    """The first stage: the best passages by their rarer keys alone, and seconds spent in the index."""
    rare = ranked[keys.counts[ranked] <= options.max_count]
    places = locate(keys, rare, corpus, within)
    passages, scores = cover_located(
        _ranked(keys, rare, worth), options.repetition, places.ranks, places.passages, places.starts
    )
    return passages[top(passages, scores, options.candidates)], places.seconds


def _matches(
    keys: Keys,
    long: NDArray[np.int64],
    short: NDArray[np.int64],
    corpus: Corpus,
    covered: Covered,
    offsets: NDArray[np.int64],
    tokens: NDArray[np.uint32],
    shares: NDArray[np.float64],
) -> Matches:
    """What scores are made of: keys numbered `long`, and tokens, among them the keys numbered `short`."""
    owners = np.repeat(np.arange(len(offsets) - 1), np.diff(covered.offsets))
    order = np.lexsort((covered.starts, -covered.contributions, owners))
    starts, taken = covered.starts[order], covered.keys[order]
    places = offsets[owners] + starts
    is_key = taken >= 0
    numbers = np.full(len(order), -1, np.int64)
    numbers[is_key] = long[taken[is_key]]
    numbers[~is_key] = _key_of_token(keys, short, tokens[places[~is_key]])
    lengths = np.ones(len(order), np.int64)
    lengths[is_key] = keys.lengths[numbers[is_key]]
    counts = corpus.token_counts[tokens[places]]
    counts[is_key] = keys.counts[numbers[is_key]]
    return Matches(
        covered.offsets,
        numbers,
        starts,
        starts + lengths,
        counts,
        covered.contributions[order] / shares[owners],
        spans(tokens, places, lengths),
    )


def _ranked(keys: Keys, numbers: NDArray[np.int64], worth: NDArray[np.float64]) -> RankedKeys:
    offsets, tokens = parts(keys.offsets, keys.tokens, numbers)
    return RankedKeys(offsets, tokens, worth[numbers], keys.kinds[numbers] == KINDS.index("title"))


def _singles(
    keys: Keys,
    numbers: NDArray[np.int64],
    worth: NDArray[np.float64],
    first_log_probs: NDArray[np.float32],
    corpus: Corpus,
    options: ScoringOptions,
) -> Singles:
    """The first step's tokens and the keys of one token, whose numbers are given."""
    dense = np.zeros(corpus.index.alphabet)
    tokens, weights = unigram_weights(first_log_probs, corpus.token_counts, corpus.index.tokens, options)
    dense[tokens] = weights
    dense[corpus.marks] = 0
    own = keys.tokens[keys.offsets[numbers]]
    dense[own] = np.maximum(dense[own], worth[numbers])
    counted = np.flatnonzero(dense)
    return Singles(counted.astype(np.uint32), dense[counted])


def _key_of_token(keys: Keys, numbers: NDArray[np.int64], tokens: NDArray[np.uint32]) -> NDArray[np.int64]:
    """For each of `tokens`, which of the keys of one token it is; -1 for none."""
    known = dict(zip(keys.tokens[keys.offsets[numbers]].tolist(), numbers.tolist(), strict=True))
    return np.array([known.get(token, -1) for token in tokens.tolist()], np.int64)
