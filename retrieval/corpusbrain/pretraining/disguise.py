"""Makes a text less like its page and more like a question: without the title's words, in lower case."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

from skerry.retrieval.corpus.words import count_words
from skerry.retrieval.corpusbrain.pretraining.pages import check_share
from skerry.retrieval.seal.function_words import FUNCTION_WORDS

_WORD = re.compile(r"(\w+)(?:['’]s\b)?")
_FEWEST = 4


@dataclass(frozen=True, slots=True)
class Disguise:
    """How often a source is changed.

    Attributes:
        mask: the probability that the title's words are taken out, so that they cannot just be copied.
        lower: the probability that the text is put in lower case.

    Raises:
        InvalidInput: a probability outside [0, 1].
    """

    mask: float = 0.0
    lower: float = 0.0

    def __post_init__(self) -> None:
        check_share(mask=self.mask, lower=self.lower)

    def put_on(self, source: str, title: str, random: Random) -> str:
        """`source`, changed by chance; a text of less than four words without the title's keeps them."""
        masks, lowers = random.random() < self.mask, random.random() < self.lower
        if masks and count_words(bare := without_title(source, title)) >= _FEWEST:
            source = bare
        return source.lower() if lowers else source


PLAIN = Disguise()


def without_title(source: str, title: str) -> str:
    """`source` without the words of `title`, in any case; words like "the" and "of" stay."""
    named = {word.lower() for word in _WORD.findall(title)} - FUNCTION_WORDS
    kept = _WORD.sub(lambda word: "" if word[1].lower() in named else word[0], source)
    return " ".join(kept.split())
