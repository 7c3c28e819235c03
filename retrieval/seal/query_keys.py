"""N-grams of the question itself that occur in the corpus: keys that nobody has to generate."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from skerry.retrieval.seal.function_words import FUNCTION_WORDS
from skerry.retrieval.seal.vocabulary import Vocabulary

if TYPE_CHECKING:
    from skerry.retrieval.seal.decoding.substring_index import SubstringIndex

LONGEST_SPAN = 3
_MARKS = string.punctuation + "“”‘’„«»…–—¿¡"


def query_ngrams(vocabulary: Vocabulary, question: str) -> list[tuple[int, ...]]:
    """A question's spans of one to three words in several cases, as token ids, each once, in its order.

    A span stands as in the middle of a passage, without marks at its ends. It is tried as it is, in lower
    case, with its first letter raised, and as a name, with every word's first letter raised or all but those
    of function words ("Bank of England"). Spans of function words only are left out: they occur everywhere,
    so that they would cost the model's time and weigh nothing.
    """
    ngrams = dict.fromkeys(tuple(vocabulary.words(text)) for text in query_spans(question))
    return [ngram for ngram in ngrams if ngram]


def occurring(
    index: SubstringIndex, ngrams: Sequence[tuple[int, ...]], most: int
) -> list[tuple[tuple[int, ...], tuple[int, int]]]:
    """The n-grams that occur in the corpus with their rows [low, high), in the order given.

    Of more than `most`, those that are rarest in the corpus.
    """
    offsets = np.cumsum([0, *map(len, ngrams)], dtype=np.int64)
    ranges = index.find(offsets, np.array([token for ngram in ngrams for token in ngram], np.int64))
    counts = ranges[:, 1] - ranges[:, 0]
    found = np.flatnonzero(counts > 0)
    rarest = np.sort(found[np.argsort(counts[found], kind="stable")[:most]])
    return [
        (ngrams[place], (low, high))
        for place, (low, high) in zip(rarest.tolist(), ranges[rarest].tolist(), strict=True)
    ]


def query_spans(question: str) -> Iterator[str]:
    """The texts that are looked up for a question: spans in case variants, in the order of the question."""
    words = unicodedata.normalize("NFC", question).split()
    bare = [word.strip(_MARKS).lower() for word in words]
    for start in range(len(words)):
        for stop in range(start + 1, min(start + LONGEST_SPAN, len(words)) + 1):
            inner = bare[start:stop]
            if not inner[0] or not inner[-1] or all(not word or word in FUNCTION_WORDS for word in inner):
                continue
            span = " ".join(words[start:stop]).strip(_MARKS)
            lower = span.lower()
            yield from dict.fromkeys((span, _name(span), lower, _raised(lower), _name(lower), _title(lower)))


def _name(text: str) -> str:
    return " ".join(word if word.lower() in FUNCTION_WORDS else _raised(word) for word in text.split())


def _title(text: str) -> str:
    return " ".join(_raised(word) for word in text.split())


def _raised(text: str) -> str:
    return text[:1].upper() + text[1:]
