"""Where in the answering passage the n-grams start that the model should generate for a question.

As in SEAL's training, a start is the likelier the more of the question's words the n-gram there holds; an
n-gram never starts with a function word. Unlike there, the distribution itself is a target (see
`packing.py`).
"""

from __future__ import annotations

import string
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.seal.function_words import FUNCTION_WORDS

_STEM = 5
_WINDOW = 10
_FADING = 0.85
_SHARPNESS = 1.5


def start_probabilities(
    source: str, words: Sequence[str], hidden: tuple[int, int] = (0, 0)
) -> NDArray[np.float64]:
    """The probability that an n-gram starts at each of a passage's words, shape (len(words),).

    A word of the passage matches when its first letters are those of a content word of `source`; the matches
    in the ten words from a start on count the less the further off they are. Starts in the words
    [hidden) and starts from which `hidden` would be entered at once have probability 0. All zeros when
    nothing can start.
    """
    asked = {_stem(word) for word in source.split()} - {""}
    stems = [_stem(word) for word in words]
    matches = np.array([stem in asked for stem in stems], np.float64)
    matches[hidden[0] : hidden[1]] = 0
    ahead = np.append(matches, np.zeros(_WINDOW))
    overlap = np.convolve(ahead, (_FADING ** np.arange(_WINDOW))[::-1], mode="valid")[: len(words)]
    allowed = np.array([stem != "" for stem in stems], np.bool_)
    allowed[max(0, hidden[0] - 1) : hidden[1]] = False
    weights = np.where(allowed, np.exp(_SHARPNESS * overlap), 0.0)
    total = weights.sum()
    return weights / total if total else weights


def _stem(word: str) -> str:
    """The first letters of a content word, without its case and punctuation; "" for a function word."""
    bare = word.casefold().strip(string.punctuation + "“”‘’–—…")
    return "" if bare in FUNCTION_WORDS else bare[:_STEM]
