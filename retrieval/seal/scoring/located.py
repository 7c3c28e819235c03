"""Where the rarer keys stand: the step that all scorings begin with."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.retrieval.seal.scoring.corpus import Corpus
from skerry.retrieval.seal.scoring.keys import KINDS, Keys


@dataclass(frozen=True, slots=True)
class Located:
    """Places of keys, in order of rank.

    Attributes:
        ranks: the key at this rank, among those located, stands there; int64 of shape (m,), rising.
        passages, starts: the passage, and the key's first token counted in it; int64 of shape (m,).
        seconds: time spent in the index.
    """

    ranks: NDArray[np.int64]
    passages: NDArray[np.int64]
    starts: NDArray[np.int64]
    seconds: float


def best_first(keys: Keys, worth: NDArray[np.float64], *, titles_apart: bool = False) -> NDArray[np.int64]:
    """Numbers of the keys by falling `worth` (n,), then falling length, each sequence of tokens once.

    With `titles_apart` a title, which stands at beginnings only, does not stand for an n-gram of its tokens.
    """
    order = np.lexsort((-keys.lengths, -worth))
    data, offsets = keys.tokens.astype(np.uint32).tobytes(), keys.offsets.tolist()
    apart = keys.kinds == KINDS.index("title") if titles_apart else np.zeros(len(keys), np.bool_)
    seen: set[tuple[bytes, bool]] = set()
    best = []
    for key in order.tolist():
        name = (data[4 * offsets[key] : 4 * offsets[key + 1]], bool(apart[key]))
        if name not in seen:
            seen.add(name)
            best.append(key)
    return np.array(best, np.int64)


def locate(
    keys: Keys, ranked: NDArray[np.int64], corpus: Corpus, within: NDArray[np.int64] | None
) -> Located:
    """All places of the keys with the numbers `ranked` (k,), or those in passages `within`, ascending.

    Raises:
        InvalidInput: a key with a token that the index cannot have.
    """
    if len(keys) and int(keys.tokens.max()) >= corpus.index.alphabet:
        raise InvalidInput(
            f"A key has token {int(keys.tokens.max())}; the index has tokens below {corpus.index.alphabet}.",
            hint="The keys must come from the language model that the index was built for.",
        )
    counts = keys.counts[ranked]
    firsts = np.cumsum(counts) - counts
    ranks = np.repeat(np.arange(len(ranked)), counts)
    rows = np.arange(len(ranks)) + (keys.ranges[ranked, 0] - firsts)[ranks]
    start = time.perf_counter()
    passages, starts = corpus.index.locate(rows, keys.lengths[ranked][ranks])
    seconds = time.perf_counter() - start
    if within is not None:
        inside = is_within(passages, within)
        ranks, passages, starts = ranks[inside], passages[inside], starts[inside]
    return Located(ranks, passages, starts, seconds)


def is_within(passages: NDArray[np.int64], within: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of `passages` (m,) are among `within`, ascending."""
    if not len(within):
        return np.zeros(len(passages), bool)
    at = np.minimum(np.searchsorted(within, passages), len(within) - 1)
    same: NDArray[np.bool_] = within[at] == passages
    return same


def top(passages: NDArray[np.int64], scores: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Where the `most` highest scores stand, best first, equal ones by passage."""
    if most < len(scores):
        least = np.partition(scores, len(scores) - most)[len(scores) - most]
        kept = np.flatnonzero(scores >= least)
    else:
        kept = np.arange(len(scores))
    return kept[np.lexsort((passages[kept], -scores[kept]))[:most]]
