"""Runs of words in the FM-index: how far a run can go, whether it stands in the corpus, how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.seal.quotes.spelling import (
    BROKEN,
    MOST_PARTS,
    Spelling,
    Tokens,
    continues_word,
    opens_word,
)
from skerry.retrieval.seal.quotes.units import Unit

Ranges = NDArray[np.int64]
"""Half-open ranges of index rows, shape (n, 2)."""


class NgramIndex(Protocol):
    """The operations of `skerry.kernels.fm_index.FmIndex` that quotes need. Safe from several threads."""

    def everything(self) -> Ranges:
        """The range of the empty n-gram, shape (1, 2)."""

    def extend(self, ranges: Ranges, tokens: NDArray[np.uint32]) -> Ranges:
        """Each n-gram's range with one more token, shape (n, 2); empty where it does not occur."""

    def continuations(self, ranges: Ranges) -> tuple[NDArray[np.int64], NDArray[np.uint32], Ranges]:
        """Offsets (n + 1,) into what follows each n-gram: tokens (m,) and the ranges (m, 2) with them."""

    def locate(
        self, rows: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Passages (m,) and first tokens (m,) of the occurrences in `rows`, of n-grams of these lengths."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The ways in which the corpus has some words, each a range of rows.

    Attributes:
        ranges: int64 (n, 2).
        lengths: tokens of each, int64 (n,).
        skipped: how many of them, at the beginning, belong to a mark before the first word, int64 (n,).
    """

    ranges: Ranges
    lengths: NDArray[np.int64]
    skipped: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ranges)

    def and_also(self, other: Matches) -> Matches:
        """These ways and others."""
        return Matches(
            np.concatenate((self.ranges, other.ranges)),
            np.concatenate((self.lengths, other.lengths)),
            np.concatenate((self.skipped, other.skipped)),
        )

    def where(self, chosen: NDArray[np.bool_]) -> Matches:
        """Some of the ways."""
        return Matches(self.ranges[chosen], self.lengths[chosen], self.skipped[chosen])


@dataclass(frozen=True, slots=True)
class Run:
    """Units [first, stop) of a text, which stand in the corpus `count` times; `matches` holds them all, and
    places where the last word goes on.
    """

    first: int
    stop: int
    count: int
    matches: Matches


class Runs:
    """Looks up runs of one text's units; what was found once is kept.

    Args:
        index: of the corpus.
        spelling: of the index's vocabulary.
        openers: see `find_openers`.
        units: of the text.
    """

    def __init__(
        self, index: NgramIndex, spelling: Spelling, openers: Matches, units: Sequence[Unit]
    ) -> None:
        self._index = index
        self._spelling = spelling
        self._openers = openers
        self._units = units
        self._beginnings: dict[str, Matches] = {}
        self._next: dict[tuple[str, str], tuple[Tokens, ...]] = {}

    def longest(self, first: int) -> Run | None:
        """The longest run that begins with unit `first`, or None when the corpus does not have that word."""
        steps = self._steps(first, len(self._units))
        while steps:
            run = self._run(first, first + len(steps), steps.pop())
            if run is not None:
                return run
        return None

    def whole(self, first: int, stop: int) -> Run | None:
        """The run of units [first, stop), or None where it stands nowhere."""
        steps = self._steps(first, stop)
        return self._run(first, stop, steps[-1]) if len(steps) == stop - first else None

    def _steps(self, first: int, stop: int) -> list[Matches]:
        """The matches of the run's first word, of its first two, and so on, for as long as there are any."""
        steps: list[Matches] = []
        matches = self._beginning(self._units[first].text)
        for place in range(first + 1, stop + 1):
            if not len(matches):
                break
            steps.append(matches)
            if place < stop:
                matches = self._extended(matches, self._next_word(self._units[place]))
        return steps

    def _run(self, first: int, stop: int, matches: Matches) -> Run | None:
        counts = self._counts(matches)
        total = int(counts.sum())
        return Run(first, stop, total, matches.where(counts > 0)) if total else None

    def _counts(self, matches: Matches) -> NDArray[np.int64]:
        """Occurrences at which the last word ends, int64 (n,)."""
        counts = matches.ranges[:, 1] - matches.ranges[:, 0]
        offsets, tokens, ranges = self._index.continuations(matches.ranges)
        rows = np.repeat(np.arange(len(matches)), np.diff(offsets))
        longer = self._spelling.continues(tokens)
        np.subtract.at(counts, rows[longer], ranges[longer, 1] - ranges[longer, 0])
        for place in np.flatnonzero(self._spelling.begins_broken(tokens)).tolist():
            counts[rows[place]] -= self._going_on((int(tokens[place]),), ranges[place : place + 1])
        return counts

    def _going_on(self, after: Tokens, range_: Ranges) -> int:
        """Occurrences at which a word goes on: tokens `after` it begin with a part of a character.

        A character that does not become whole is taken for a part of the word.
        """
        size = int(range_[0, 1] - range_[0, 0])
        first = self._spelling.text(after)[0]
        if first != BROKEN:
            return size * continues_word(first)
        if len(after) == MOST_PARTS:
            return size
        _, tokens, ranges = self._index.continuations(range_)
        ended = size - int((ranges[:, 1] - ranges[:, 0]).sum())
        return ended + sum(
            self._going_on((*after, token), ranges[place : place + 1])
            for place, token in enumerate(tokens.tolist())
        )

    def _beginning(self, word: str) -> Matches:
        if word not in self._beginnings:
            everything = Matches(self._index.everything(), np.zeros(1, np.int64), np.zeros(1, np.int64))
            spaced = self._extended(everything, self._spelling.after_space(word))
            bare = [
                tokens
                for tokens in self._spelling.after_mark(word)
                if len(self._extended(everything, (tokens,)))
            ]
            self._beginnings[word] = spaced.and_also(self._extended(self._openers, bare))
        return self._beginnings[word]

    def _next_word(self, unit: Unit) -> tuple[Tokens, ...]:
        key = (unit.before, unit.text)
        if key not in self._next:
            self._next[key] = self._spelling.next_word(*key)
        return self._next[key]

    def _extended(self, matches: Matches, choices: Sequence[Tokens]) -> Matches:
        """Every way continued by every choice; those that the corpus has."""
        if not choices or not len(matches):
            return matches.where(np.zeros(len(matches), np.bool_))
        sizes = np.array([len(tokens) for tokens in choices], np.int64)
        table = np.zeros((len(choices), int(sizes.max())), np.uint32)
        for row, tokens in enumerate(choices):
            table[row, : len(tokens)] = tokens
        choice = np.tile(np.arange(len(choices)), len(matches))
        ranges = np.repeat(matches.ranges, len(choices), axis=0)
        for column in range(table.shape[1]):
            going = np.flatnonzero((sizes[choice] > column) & (ranges[:, 1] > ranges[:, 0]))
            if not len(going):
                break
            ranges[going] = self._index.extend(ranges[going], table[choice[going], column])
        return Matches(
            ranges,
            np.repeat(matches.lengths, len(choices)) + sizes[choice],
            np.repeat(matches.skipped, len(choices)),
        ).where(ranges[:, 1] > ranges[:, 0])


def find_openers(index: NgramIndex, spelling: Spelling) -> Matches:
    """Everything in the corpus that a word can follow without a space: mostly single tokens that end in a
    mark, and marks that are broken over several tokens.
    """
    _, tokens, ranges = index.continuations(index.everything())
    chosen = spelling.opens(tokens)
    found, sizes = [ranges[chosen]], [np.ones(int(chosen.sum()), np.int64)]
    broken = spelling.ends_broken(tokens)
    pending: list[tuple[Tokens, NDArray[np.int64]]] = [
        ((token,), ranges[place]) for place, token in _numbered(tokens, broken)
    ]
    while pending:
        before, range_ = pending.pop()
        _, tokens, ranges = index.continuations(range_[None])
        # Only what ends the character: a whole one after it opens by itself.
        for place, token in _numbered(tokens, spelling.ends_broken(tokens)):
            whole = (*before, token)
            last = spelling.text(whole)[-1]
            if opens_word(last):
                found.append(ranges[place : place + 1])
                sizes.append(np.full(1, len(whole), np.int64))
            elif last == BROKEN and len(whole) < MOST_PARTS:
                pending.append((whole, ranges[place]))
    lengths = np.concatenate(sizes)
    return Matches(np.concatenate(found), lengths, lengths)


def _numbered(tokens: NDArray[np.uint32], chosen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    places = np.flatnonzero(chosen)
    return list(zip(places.tolist(), tokens[places].tolist(), strict=True))
