"""The finder of quotes over a SEAL index: it needs the index file and the tokenizer, no language model."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.quotes import Quote
from skerry.retrieval.seal.quotes.places import Places
from skerry.retrieval.seal.quotes.runs import NgramIndex, Run, Runs, find_openers
from skerry.retrieval.seal.quotes.spelling import Spelling
from skerry.retrieval.seal.quotes.units import Unit, find_units
from skerry.retrieval.seal.vocabulary import Vocabulary

MOST_PLACES = 3


class SealQuoteFinder:
    """A `QuoteFinder` on an FM-index. Words are compared without regard to case; between them the corpus may
    have what the text has, a space, a comma or a dash. A run never reaches over the border of a passage.

    Args:
        index, passages, vocabulary: of one corpus.
        most_places: places of a quote, each in another passage.
    """

    def __init__(
        self,
        index: NgramIndex,
        passages: PassageStore,
        vocabulary: Vocabulary,
        most_places: int = MOST_PLACES,
    ) -> None:
        self._index = index
        self._spelling = Spelling(vocabulary)
        self._places = Places(index, passages, vocabulary, most_places)
        self._openers = find_openers(index, self._spelling)

    def find(
        self,
        text: str,
        deadline: Deadline,
        first: Collection[str] = (),
        proven: Sequence[tuple[int, int]] = (),
    ) -> tuple[Quote, ...]:
        """See `QuoteFinder`."""
        _check(text)
        units = find_units(text)
        needed = min(2, sum(unit.meaning for unit in units))
        if not needed:
            return ()
        runs = Runs(self._index, self._spelling, self._openers, units)
        preferred = self._places.ordinals(first)

        def quote(low: int, high: int, run: Run | None, supported: bool) -> Quote:
            start, end = units[low].start, units[high - 1].end
            said = text[start:end]
            if run is None:
                return Quote(said, start, end, supported, 0)
            places = self._places.of(said, run.matches, preferred)
            return Quote(said, start, end, supported, run.count, places)

        quotes: list[Quote] = []
        reached = 0
        for run in _cover(runs, len(units), deadline):
            telling = [unit for unit in units[run.first : run.stop] if unit.meaning]
            if sum(unit.meaning for unit in telling) < needed and not _proven(telling, proven):
                continue
            for low, high in _stretches(units, reached, run.first):
                quotes.append(quote(low, high, runs.whole(low, high), supported=False))
            quotes.append(quote(run.first, run.stop, run, supported=True))
            reached = run.stop
        for low, high in _stretches(units, reached, len(units)):
            quotes.append(quote(low, high, runs.whole(low, high), supported=False))
        return tuple(quotes)


def _cover(runs: Runs, count: int, deadline: Deadline) -> Iterator[Run]:
    """Longest runs from left to right, each then made as long as it can be at its beginning."""
    place = 0
    while place < count:
        deadline.check("looking up quotes")
        run = runs.longest(place)
        if run is None:
            place += 1
            continue
        place = run.stop
        while run.first > 0 and (longer := runs.whole(run.first - 1, run.stop)) is not None:
            run = longer
        yield run


def _stretches(units: Sequence[Unit], first: int, stop: int) -> Iterator[tuple[int, int]]:
    """What lies in [first, stop), from its first word of meaning to its last; nothing without one."""
    telling = [place for place in range(first, stop) if units[place].meaning]
    if telling:
        yield telling[0], telling[-1] + 1


def _proven(telling: Sequence[Unit], proven: Sequence[tuple[int, int]]) -> bool:
    """Whether there is a word of meaning, and all of them lie in what is proven already."""
    return bool(telling) and all(
        any(start <= unit.start and unit.end <= end for start, end in proven) for unit in telling
    )


def _check(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"The text is not valid Unicode: character {error.start} is {text[error.start]!r}.",
            details={"field": "text"},
        ) from error
