"""N-grams of the question itself that occur in the corpus, as keys."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from skerry.core.deadline import Deadline
from skerry.retrieval.seal.decoding.key import Key
from skerry.retrieval.seal.decoding.rescore import MOST_TOKENS, sequence_scores
from skerry.retrieval.seal.decoding.substring_index import SubstringIndex
from skerry.retrieval.seal.function_words import FUNCTION_WORDS
from skerry.retrieval.seal.prompts import body_prompt

if TYPE_CHECKING:
    from skerry.retrieval.seal.language_model.base import LanguageModel

LONGEST_SPAN = 3
MOST_KEYS = 200
_MARKS = string.punctuation + "“”‘’„«»…–—¿¡"


def query_keys(
    model: LanguageModel,
    index: SubstringIndex,
    questions: Sequence[str],
    *,
    most: int = MOST_KEYS,
    deadline: Deadline | None = None,
    most_tokens: int = MOST_TOKENS,
) -> list[tuple[Key, ...]]:
    """Each question's spans of one to three words that occur in the corpus, in several cases, each once.

    A span stands as in the middle of a passage, without marks at its ends. It is tried as it is, in lower
    case, with its first letter raised, and as a name, with every word's first letter raised or all but those
    of function words ("Bank of England"). Spans of function words only are left out: they occur everywhere,
    so that they would cost the model's time and weigh nothing.

    Args:
        model: scores the spans, as continuations of the body prompt.
        index: the corpus.
        questions: as the user put them.
        most: keys of one question; of more, those that are rarest in the corpus.
        deadline: checked between calls of the model.
        most_tokens: tokens in one call of the model: bounds its memory.

    Returns:
        Each question's keys, kind "query", in the order of the question.

    Raises:
        DeadlineExceeded, Cancelled: between calls of the model.
    """
    spans = [
        [
            span
            for span in dict.fromkeys(tuple(model.vocabulary.words(t)) for t in query_spans(question))
            if span
        ]
        for question in questions
    ]
    found: list[tuple[int, tuple[int, ...], int, int]] = []
    for row, of_one in enumerate(spans):
        offsets = np.cumsum([0, *map(len, of_one)], dtype=np.int64)
        ranges = index.find(offsets, np.array([token for span in of_one for token in span], np.int64))
        counts = ranges[:, 1] - ranges[:, 0]
        occurring = np.flatnonzero(counts > 0)
        rarest = occurring[np.argsort(counts[occurring], kind="stable")[:most]]
        found += [(row, of_one[place], *ranges[place].tolist()) for place in np.sort(rarest).tolist()]
    scores = sequence_scores(
        model,
        [model.vocabulary.encode(body_prompt(question)) for question in questions],
        [row for row, *_ in found],
        [tokens for _, tokens, _, _ in found],
        deadline=deadline,
        most_tokens=most_tokens,
    )
    keys: list[list[Key]] = [[] for _ in questions]
    for (row, tokens, low, high), score in zip(found, scores, strict=True):
        if np.isfinite(score):
            keys[row].append(Key(tokens, score, low, high, "query"))
    return [tuple(of_one) for of_one in keys]


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
