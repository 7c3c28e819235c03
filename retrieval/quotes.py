"""Quotes: which runs of a text's words stand in the corpus, and where."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from skerry.core.deadline import Deadline


@dataclass(frozen=True, slots=True)
class QuotePlace:
    """One place where a run of words stands.

    Attributes:
        passage_id, title: the passage, and its page's title.
        quote: the passage's own words there.
        start, end: characters of the passage's text, or of its page's title.
        start_byte: where they start in UTF-8.
        in_title: it is in the title that it stands.
    """

    passage_id: str
    title: str
    quote: str
    start: int
    end: int
    start_byte: int
    in_title: bool = False


@dataclass(frozen=True, slots=True)
class Quote:
    """A run of a text's words, and what the corpus says of it.

    Attributes:
        text: the words, as the text has them.
        start, end: its characters in the text.
        supported: it stands in the corpus and says enough to prove something: two words of meaning, or one
            that is all there is to prove or that was proven already.
        count: how often the corpus has it, titles included (every passage repeats its page's title); 0 when
            nowhere as one run.
        places: some of the places, best first.
    """

    text: str
    start: int
    end: int
    supported: bool
    count: int
    places: tuple[QuotePlace, ...] = ()


class QuoteFinder(Protocol):
    """Looks texts up in a whole corpus. Safe to use from several threads."""

    def find(
        self,
        text: str,
        deadline: Deadline,
        first: Collection[str] = (),
        proven: Sequence[tuple[int, int]] = (),
    ) -> tuple[Quote, ...]:
        """The text's runs of words, in order; together they hold every word of it that carries meaning.

        A supported run can be made longer on neither side, so that neighbours may share words; what no
        supported run holds is told as unsupported, in stretches as long as can be.

        Args:
            first: ids of passages whose places are given before others.
            proven: (start, end) characters of the text that are proven already, by a citation: there a
                single word that stands in the corpus is enough.

        Raises:
            InvalidInput: a text that is not valid Unicode.
            DeadlineExceeded, Cancelled: between runs.
        """
        ...
