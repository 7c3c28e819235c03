"""What is learnt from: a question (or a stretch of a passage in its place) and the passage to be found."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from skerry.retrieval.corpus.store import PassageStore


@dataclass(frozen=True, slots=True)
class Pair:
    """A source text and the ordinal of the passage it should lead to.

    `hidden` are the words [start, stop) of the passage that are the source itself, which would be no lesson
    as a target; (0, 0) for a question.
    """

    source: str
    passage: int
    hidden: tuple[int, int] = (0, 0)


def unsupervised_pairs(
    passages: PassageStore, ordinals: Sequence[int], count: int, seed: int, words: tuple[int, int] = (6, 16)
) -> list[Pair]:
    """`count` stretches of the corpus's own passages, each in the place of a question about its passage.

    A stretch has `words[0]` to `words[1]` words; a tenth of them are in lower case. Passages too short to
    leave anything beside the stretch are passed over.
    """
    rng = random.Random(seed)
    pairs: list[Pair] = []
    usable = list(ordinals)
    while usable and len(pairs) < count:
        place = rng.randrange(len(usable))
        text = passages[usable[place]].text.split()
        length = rng.randint(*words)
        if len(text) < 2 * length:
            usable[place] = usable[-1]
            usable.pop()
            continue
        start = rng.randrange(len(text) - length + 1)
        source = " ".join(text[start : start + length])
        if rng.random() < 0.1:
            source = source.lower()
        pairs.append(Pair(source, usable[place], (start, start + length)))
    return pairs
