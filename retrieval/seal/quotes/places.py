"""From rows of the FM-index to passages and characters, each place read again in the passage itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from skerry.core.errors import NotFound
from skerry.core.words import find_words, is_of_word
from skerry.retrieval.corpus.records import Passage
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.quotes import QuotePlace
from skerry.retrieval.seal.quotes.runs import Matches, NgramIndex
from skerry.retrieval.seal.vocabulary import Vocabulary

_MOST_ROWS = 4096
"""Occurrences that are located: of a run that is more common, the places are among these."""
_MOST_PASSAGES = 64
"""Passages that are read for the places of one run."""


class Places:
    """Finds the passages in which a run of words stands.

    Args:
        index, passages, vocabulary: of one corpus.
        most: places of one run, each in another passage.
    """

    def __init__(self, index: NgramIndex, passages: PassageStore, vocabulary: Vocabulary, most: int) -> None:
        self._index = index
        self._passages = passages
        self._vocabulary = vocabulary
        self._most = most

    def of(self, words: str, matches: Matches, first: Collection[int]) -> tuple[QuotePlace, ...]:
        """Places of `words`: in the passages `first` (ordinals) before others, in texts before titles."""
        if not self._most:
            return ()
        wanted = [word.form for word in find_words(words)]
        in_texts: list[QuotePlace] = []
        in_titles: list[QuotePlace] = []
        starts = self._located(matches)
        order = sorted(starts, key=lambda ordinal: (ordinal not in first, ordinal))[:_MOST_PASSAGES]
        for passage in self._passages.get_many(order):
            found = self._read(passage, sorted(starts[passage.ordinal]), wanted)
            if found is not None:
                (in_titles if found.in_title else in_texts).append(found)
            if len(in_texts) == self._most:
                break
        return tuple((in_texts + in_titles)[: self._most])

    def ordinals(self, passage_ids: Collection[str]) -> frozenset[int]:
        """The ordinals of passages; an id that this corpus does not have is passed over."""
        found = set()
        for passage_id in passage_ids:
            try:
                found.add(self._passages.ordinal(passage_id))
            except NotFound:
                continue
        return frozenset(found)

    def _located(self, matches: Matches) -> dict[int, list[tuple[int, int]]]:
        """First tokens and numbers of tokens of the occurrences, by passage."""
        sizes = np.minimum(matches.ranges[:, 1] - matches.ranges[:, 0], _MOST_ROWS)
        ways = np.repeat(np.arange(len(matches)), sizes)[:_MOST_ROWS]
        rows = (np.arange(len(ways)) - (np.cumsum(sizes) - sizes - matches.ranges[:, 0])[ways]).astype(
            np.int64
        )
        passages, starts = self._index.locate(rows, matches.lengths[ways])
        found: dict[int, list[tuple[int, int]]] = {}
        skipped = matches.skipped[ways]
        lengths = matches.lengths[ways] - skipped
        for passage, start, length in zip(
            passages.tolist(), (starts + skipped).tolist(), lengths.tolist(), strict=True
        ):
            found.setdefault(passage, []).append((start, length))
        return found

    def _read(
        self, passage: Passage, starts: Sequence[tuple[int, int]], wanted: Sequence[str]
    ) -> QuotePlace | None:
        """The first of the occurrences that is one in the passage's text, else one in its title.

        What tokens say is not taken on trust: the words are compared, and must end where the quote does.
        """
        in_text = self._vocabulary.offsets(passage.title, passage.text)
        text_start = len(self._vocabulary.words(passage.title)) + 1
        in_title: list[tuple[int, int]] = []
        for start, length in sorted(starts, key=lambda place: (place[0] < text_start, place)):
            title = start < text_start
            if title and not in_title:
                in_title = self._vocabulary.offsets("", passage.title)[1:]
            text, tokens = (passage.title, in_title) if title else (passage.text, in_text)
            spans = [span for span in tokens[start : start + length] if span[0] < span[1]]
            if spans and _reads(text, begin := spans[0][0], end := spans[-1][1], wanted):
                before = len(text[:begin].encode())
                return QuotePlace(passage.id, passage.title, text[begin:end], begin, end, before, title)
        return None


def _reads(text: str, start: int, end: int, wanted: Sequence[str]) -> bool:
    """Whether `text[start:end]` is the wanted words, whole."""
    if (start > 0 and is_of_word(text[start - 1])) or (end < len(text) and is_of_word(text[end])):
        return False
    return [word.form for word in find_words(text[start:end])] == list(wanted)
