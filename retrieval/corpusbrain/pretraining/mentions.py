"""Links for a corpus that has none: where a passage writes another page's title (Aho and Corasick 1975)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpusbrain.pretraining.pairs import Link
from skerry.retrieval.seal.function_words import FUNCTION_WORDS

if TYPE_CHECKING:
    from ahocorasick import Automaton

_WORD = re.compile(r"[^\W\d_]+")
_COMMON = 0.1


def find_mentions(store: PassageStore) -> Iterator[Link]:
    """The first mention of each other page in every passage, ascending by passage and character.

    A mention is a title as it is written, or with a small first letter if it has several words, between word
    borders; of overlapping ones the leftmost, then the longest. Titles that several pages have, titles of one
    sign or without a letter, and titles of one word that the corpus also uses as a common word (more than a
    tenth of the time in lower case) are not looked for; one word that goes on with a capital or a number
    ("Apollo 11", "Paris Hilton") is another name. Memory grows with the titles, not with the text.
    """
    automaton = _automaton(_names(store))
    if not len(automaton):
        return
    for number, (_, _, first, count) in enumerate(store.pages()):
        for passage, (_, _, text) in enumerate(store.texts(first, first + count), start=first):
            seen = {number}
            for start, end, page in _leftmost_longest(_matches(automaton, text)):
                if page not in seen:
                    seen.add(page)
                    yield Link(passage, start, end, page)


def _names(store: PassageStore) -> dict[str, int]:
    """What is looked for, with the page that it means."""
    titles = [title.strip() for _, title, _, _ in store.pages()]
    counts = Counter(titles)
    usable = {
        title: page
        for page, title in enumerate(titles)
        if counts[title] == 1 and len(title) > 1 and _WORD.search(title)
    }
    common = _common(store, {title for title in usable if _WORD.fullmatch(title)})
    names = {title: page for title, page in usable.items() if title not in common}
    for title, page in usable.items():
        small = title[0].lower() + title[1:]
        if " " in title and small not in usable:
            names[small] = page
    return names


def _common(store: PassageStore, words: set[str]) -> set[str]:
    """Those of `words` that the corpus also writes in lower case, and function words."""
    small = {word: word.lower() for word in words}
    watched = {*small.keys(), *small.values()}
    counts: Counter[str] = Counter()
    for _, _, text in store.texts(0, len(store)):
        counts.update(word for word in _WORD.findall(text) if word in watched)
    return {
        word
        for word, lower in small.items()
        if word.islower()
        or lower in FUNCTION_WORDS
        or (lower != word and counts[lower] > _COMMON * (counts[word] + counts[lower]))
    }


def _automaton(names: dict[str, int]) -> Automaton:
    from ahocorasick import Automaton

    automaton = Automaton()
    for name, page in names.items():
        automaton.add_word(name, (len(name), page))
    automaton.make_automaton()
    return automaton


def _matches(automaton: Automaton, text: str) -> Iterator[tuple[int, int, int]]:
    """(start, end, page) of every name that stands between word borders."""
    for last, (size, page) in automaton.iter(text):
        start, end = last + 1 - size, last + 1
        if text[max(start - 1, 0) : start].isalnum() or text[end : end + 1].isalnum():
            continue
        if " " in text[start:end] or not _goes_on(text, end):
            yield start, end, page


def _goes_on(text: str, end: int) -> bool:
    """Whether a name's next word is a capital or a number."""
    following = text[end + 1 : end + 2]
    return text[end : end + 1] == " " and (following.isupper() or following.isdigit())


def _leftmost_longest(matches: Iterable[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """Matches without those that overlap one further left, or a longer one from the same place."""
    free = 0
    for start, end, page in sorted(matches, key=lambda match: (match[0], -match[1])):
        if start >= free:
            yield start, end, page
            free = end
