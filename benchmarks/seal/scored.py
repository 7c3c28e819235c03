"""One decoding scored in every way: each scoring, and the paper's with parts of its keys left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from skerry.benchmarks.seal.lists import Lists
from skerry.retrieval.fusion import LegList
from skerry.retrieval.seal.decoding import Decoded, Key
from skerry.retrieval.seal.options import SealOptions
from skerry.retrieval.seal.scoring import SCORINGS, Corpus, Keys, Scored, ScoringOptions

ABLATED = "intersective"
_PARTS: Mapping[str, tuple[bool, Callable[[Decoded], Sequence[Key]]]] = {
    "body n-grams only": (False, lambda decoded: decoded.body),
    "titles only": (False, lambda decoded: decoded.titles),
    "query n-grams only": (False, lambda decoded: decoded.query),
    "no single tokens": (False, lambda decoded: decoded.keys),
    "no query n-grams": (True, lambda decoded: [*decoded.body, *decoded.titles]),
    "no titles": (True, lambda decoded: [*decoded.body, *decoded.query]),
}
"""What is left -> whether the first step's single tokens count, and the keys."""
ABLATIONS = tuple(f"{ABLATED}, {name}" for name in _PARTS)


def weighings(tokens: int) -> dict[str, ScoringOptions]:
    """What the leg gives each of `SCORINGS` over a corpus of so many tokens."""
    return {name: SealOptions.of({"scoring": name}, tokens).weighing for name in SCORINGS}


def scored_lists(
    decoded: Decoded, corpus: Corpus, options: Mapping[str, ScoringOptions], depth: int, *, ablations: bool
) -> Lists:
    """The `depth` best passages by each of the scorings, and with `ablations` by each of `ABLATIONS`.

    Args:
        decoded: of one question.
        corpus: what was decoded over.
        options: of each scoring, as `weighings` gives them.
        depth: passages of a list.
        ablations: whether to score with parts of the keys, too.

    Returns:
        By name; scores are float32 as the leg's are.
    """
    keys = Keys.of(decoded.keys)
    lists = {
        name: _top(SCORINGS.load(name)(keys, decoded.first_log_probs, corpus, chosen), depth)
        for name, chosen in options.items()
    }
    if ablations:
        scoring = SCORINGS.load(ABLATED)
        for name, (tokens, keys_of) in zip(ABLATIONS, _PARTS.values(), strict=True):
            chosen = options[ABLATED] if tokens else replace(options[ABLATED], unigrams=0)
            found = scoring(Keys.of(keys_of(decoded)), decoded.first_log_probs, corpus, chosen)
            lists[name] = _top(found, depth)
    return lists


def _top(found: Scored, depth: int) -> LegList:
    return LegList(found.passages[:depth], found.scores[:depth].astype(np.float32))
