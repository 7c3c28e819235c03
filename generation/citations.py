"""Citations: runs of the answer's words that stand in a source, proven by their places in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skerry.core.words import Word, find_words
from skerry.generation.base import Citation, Source


@dataclass(frozen=True, slots=True)
class _Matches:
    """For each source and answer word: the longest run that begins there, and where it begins in the source.

    Both arrays are int64 of shape (sources, answer words); a length of 0 means that the word is not there.
    """

    lengths: NDArray[np.int64]
    places: NDArray[np.int64]


def cite(answer: str, sources: Sequence[Source]) -> tuple[Citation, ...]:
    """Citations in the answer's order, none overlapping another.

    Words are compared without regard to case, white space and punctuation, and located exactly: a quote is
    always `source.text[source_start:source_end]`. The longest run is taken first; of equally long ones that
    of the earlier (better) source, then the earlier in the answer. What is not found, or proves nothing
    (function words, a lone common word of a longer answer), is not cited.
    """
    words = find_words(answer)
    if not words or not sources:
        return ()
    texts = [find_words(source.text) for source in sources]
    matches = _match(words, texts)
    meaning = sum(word.carries_meaning for word in words)
    citations = []
    for first, length, number in _longest_runs(matches, len(words)):
        run = words[first : first + length]
        begin = int(matches.places[number, first])
        source, found = sources[number], texts[number][begin : begin + length]
        if not _proves(answer, run, source.text, found, meaning):
            continue
        start, end = found[0].start, found[-1].end
        citations.append(
            Citation(
                source_id=source.id,
                answer_start=run[0].start,
                answer_end=run[-1].end,
                source_start=start,
                source_end=end,
                quote=source.text[start:end],
            )
        )
    return tuple(sorted(citations, key=lambda citation: citation.answer_start))


def _match(words: Sequence[Word], texts: Sequence[Sequence[Word]]) -> _Matches:
    shape = (len(texts), len(words))
    lengths, places = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for number, text in enumerate(texts):
        standing: dict[str, list[int]] = defaultdict(list)
        for place, word in enumerate(text):
            standing[word.form].append(place)
        following: dict[int, int] = {}
        for first in range(len(words) - 1, -1, -1):
            # Run lengths by place, from those of the next word: the usual recurrence for common substrings.
            current = {at: following.get(at + 1, 0) + 1 for at in standing.get(words[first].form, ())}
            if current:
                place = max(current, key=lambda at: (current[at], -at))
                lengths[number, first], places[number, first] = current[place], place
            following = current
    return _Matches(lengths, places)


def _longest_runs(matches: _Matches, count: int) -> Iterator[tuple[int, int, int]]:
    """(first word, words, source) of the longest run, then of what is left on either side, and so on."""
    pending = [(0, count)]
    while pending:
        low, high = pending.pop()
        if low >= high:
            continue
        lengths = np.minimum(matches.lengths[:, low:high], np.arange(high - low, 0, -1))
        number, offset = divmod(int(lengths.argmax()), high - low)
        length = int(lengths[number, offset])
        if length == 0:
            continue
        first = low + offset
        yield first, length, number
        pending += [(low, first), (first + length, high)]


def _proves(answer: str, run: Sequence[Word], text: str, found: Sequence[Word], meaning: int) -> bool:
    """Whether a run says enough: two words of meaning, the answer's only one, or a lone number or name."""
    telling = [place for place, word in enumerate(run) if word.carries_meaning]
    if not telling:
        return False
    if len(telling) >= min(2, meaning):
        return True
    said, stands = run[telling[0]], found[telling[0]]
    if any(character.isdigit() for character in said.form):
        return True
    # A capital at the very beginning of the answer is no sign of a name.
    return said.start > 0 and answer[said.start].isupper() and text[stands.start].isupper()
