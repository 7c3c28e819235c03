"""What each page is called: its title's tokens, made distinct."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput

Encode = Callable[[Sequence[str]], list[list[int]]]
"""Tokens of each of some texts, without special tokens."""

_BLOCK = 8192


@dataclass(frozen=True, slots=True)
class Names:
    """A sequence of tokens a page, without the token that ends a title.

    Attributes:
        tokens: of all pages, one page after another, uint32 (n,).
        offsets: page i has tokens[offsets[i]:offsets[i + 1]], int64 (pages + 1,).
    """

    tokens: NDArray[np.uint32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, page: int) -> NDArray[np.uint32]:
        """The tokens of a page's name, uint32 (its length,)."""
        return self.tokens[self.offsets[page] : self.offsets[page + 1]]


def name_pages(titles: Iterable[str], encode: Encode, longest: int = 32) -> Names:
    """Distinct names, one a title, in the titles' order.

    A name is its title's first `longest` tokens. Of titles with equal tokens (case, signs that the tokenizer
    does not know, the cut, truly equal titles) the first keeps them; the others get the tokens of " (2)",
    " (3)", ... at their end, within `longest`, and never another page's name. Titles are read in blocks, and
    what is kept of one is its tokens and 12 bytes.

    Args:
        titles: one a page; one without tokens is named by the empty sequence.
        encode: the tokenizer.
        longest: tokens that a name has at most.

    Raises:
        InvalidInput: `longest` has no room for a token or for the numbers of equal titles, or the tokenizer
            writes two numbers alike.
    """
    if longest < 1:
        raise InvalidInput(
            f"A name cannot have {longest} tokens at most.", hint="Give a length of at least 1."
        )
    blocks = [np.empty(0, np.uint32)]
    sizes, hashes = array("I"), array("q")
    rest = iter(titles)
    while block := list(islice(rest, _BLOCK)):
        rows = [tuple(row[:longest]) for row in encode(block)]
        blocks.append(_flat(rows))
        sizes.extend(map(len, rows))
        hashes.extend(map(hash, rows))
    names = Names(np.concatenate(blocks), _offsets(np.array(sizes, np.int64)))
    blocks.clear()
    # Pages are told apart where hashes of 64 bits are equal: should different names ever collide, a page gets
    # a number that it did not need, and nothing is merged.
    taken, first = np.unique(np.array(hashes, np.int64), return_index=True)
    equal = np.ones(len(names), dtype=bool)
    equal[first] = False
    return _replaced(names, equal, _numbered(names, equal, taken, _Endings(encode, longest)))


class _Endings:
    """The tokens of " (2)", " (3)", ... by number, at most `longest` each."""

    def __init__(self, encode: Encode, longest: int) -> None:
        self.longest = longest
        self._encode = encode
        self._rows: list[tuple[int, ...]] = []

    def __getitem__(self, number: int) -> tuple[int, ...]:
        while number - 2 >= len(self._rows):
            low = len(self._rows) + 2
            self._rows += map(tuple, self._encode([f" ({n})" for n in range(low, 2 * low)]))
            if len(set(self._rows)) < len(self._rows):
                raise InvalidInput(
                    "Equal titles cannot be told apart: the tokenizer writes two numbers of "
                    f"' (2)' to ' ({2 * low - 1})' alike.",
                    hint="Give the pages different titles, or use a model whose tokenizer knows digits.",
                )
        ending = self._rows[number - 2]
        if len(ending) > self.longest:
            raise InvalidInput(
                f"Names of {self.longest} tokens have no room for the {len(ending)} of ' ({number})', "
                "which tells equal titles apart.",
                hint="Allow longer names.",
            )
        return ending


def _numbered(
    names: Names, equal: NDArray[np.bool_], taken: NDArray[np.int64], endings: _Endings
) -> list[tuple[int, ...]]:
    """New names of the pages marked in `equal`; `taken` are the sorted hashes of the names that stay."""
    given: set[int] = set()
    next_number: dict[tuple[int, ...], int] = {}
    rows = []
    for page in np.flatnonzero(equal).tolist():
        old = tuple(names[page].tolist())
        stem = old[: endings.longest - len(endings[2])]
        number = next_number.get(stem, 2)
        while True:
            ending = endings[number]
            new = old[: endings.longest - len(ending)] + ending
            number += 1
            key = hash(new)
            place = np.searchsorted(taken, np.int64(key))
            if key not in given and not (place < len(taken) and taken[place] == key):
                break
        next_number[stem] = number
        given.add(key)
        rows.append(new)
    return rows


def _replaced(names: Names, changed: NDArray[np.bool_], rows: list[tuple[int, ...]]) -> Names:
    """`names` with `rows` in place of those of the pages marked in `changed`."""
    if not rows:
        return names
    sizes = np.diff(names.offsets)
    kept = names.tokens[~np.repeat(changed, sizes)]
    sizes[changed] = [len(row) for row in rows]
    new = np.repeat(changed, sizes)
    tokens = np.empty(len(new), np.uint32)
    tokens[new] = _flat(rows)
    tokens[~new] = kept
    return Names(tokens, _offsets(sizes))


def _flat(rows: list[tuple[int, ...]]) -> NDArray[np.uint32]:
    return np.fromiter(chain.from_iterable(rows), np.uint32)


def _offsets(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
