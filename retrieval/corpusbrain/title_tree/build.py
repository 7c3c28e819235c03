"""Builds a title tree: sorts the names one token further at each level, all pages at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.core.files import atomic_writer, naming_full_disk
from skerry.retrieval.corpusbrain.naming import Names
from skerry.retrieval.corpusbrain.title_tree.layout import Shape, pack_header

_LARGEST = 2**32 - 1


@dataclass(frozen=True, slots=True)
class _Level:
    """The nodes of one level, in their order.

    Attributes:
        parents: numbers of their parents within the level above, uint32 (m,), ascending.
        tokens: that lead to them, uint32 (m,).
        ends: which of them end a name, by number within the level, int64 (e,), ascending.
        pages: whose names these are, uint32 (e,).
    """

    parents: NDArray[np.uint32]
    tokens: NDArray[np.uint32]
    ends: NDArray[np.int64]
    pages: NDArray[np.uint32]


def build_tree(names: Names, end: int, path: Path) -> None:
    """Write the prefix tree of `names`, each followed by `end`, as one file, durably: all of it or nothing.

    Equal names give an equal file. Memory beside the names: about twice the file's size.

    Args:
        names: distinct.
        end: the token after a name, which is in none.
        path: the file; see `layout`.

    Raises:
        InvalidInput: two pages have one name, a name has the token `end`, or there are too many tokens.
        BackendUnavailable: the disk fails.
    """
    if not 0 <= end <= _LARGEST:
        raise InvalidInput(f"The token that ends titles is {end}, not between 0 and {_LARGEST}.")
    if len(names.tokens) + len(names) >= _LARGEST:
        raise InvalidInput(
            f"{len(names)} titles of {len(names.tokens)} tokens together are too many for one title tree.",
            hint="Split the corpus.",
        )
    inside = np.flatnonzero(names.tokens == end)
    if len(inside):
        page = int(np.searchsorted(names.offsets, inside[0], side="right")) - 1
        raise InvalidInput(f"The name of page {page} has the token {end} inside, which ends titles.")
    wide = max(end, int(names.tokens.max(initial=0))) >= 1 << 16
    dtype = np.dtype("<u4" if wide else "<u2")

    first_child: list[NDArray[np.uint32]] = []
    ends: list[NDArray[np.uint32]] = []
    pages: list[NDArray[np.uint32]] = []
    tokens = [np.zeros(1, dtype)]
    above, nodes = 1, 1
    for level in _levels(names, end):
        children = np.bincount(level.parents, minlength=above)
        first_child.append((nodes + np.cumsum(children) - children).astype("<u4"))
        ends.append((nodes + level.ends).astype("<u4"))
        pages.append(level.pages.astype("<u4", copy=False))
        tokens.append(level.tokens.astype(dtype))
        above = len(level.tokens)
        nodes += above
    # The last level has no children; one entry more closes the last run.
    first_child.append(np.full(above + 1, nodes, "<u4"))
    payload = [*first_child, *ends, *pages, *tokens]
    header = pack_header(Shape(nodes, len(names), end, dtype.itemsize), payload)
    with naming_full_disk(path.parent), atomic_writer(path) as file:
        file.write(header)
        for part in payload:
            file.write(part.data)


def _levels(names: Names, end: int) -> Iterator[_Level]:
    """The levels below the root."""
    pages = np.arange(len(names), dtype=np.uint32)
    parents = np.zeros(len(names), dtype=np.uint32)
    depth = 0
    while len(pages):
        places = names.offsets[pages]
        places += depth
        going_on = places < names.offsets[1:][pages]
        keys = parents.astype(np.uint64) << np.uint64(32)
        keys[going_on] |= names.tokens[places[going_on]]
        keys[~going_on] |= np.uint64(end)
        del places
        order = np.argsort(keys)
        keys, pages, going_on = keys[order], pages[order], going_on[order]
        del order
        first = np.ones(len(keys), dtype=bool)
        np.not_equal(keys[1:], keys[:-1], out=first[1:])
        keys = keys[first]
        nodes = np.cumsum(first, dtype=np.uint32)
        nodes -= 1
        ended = ~going_on
        ends = nodes[ended].astype(np.int64)
        equal = np.flatnonzero(ends[1:] == ends[:-1])
        if len(equal):
            one, other = sorted(pages[ended][equal[0] : equal[0] + 2].tolist())
            raise InvalidInput(
                f"Pages {one} and {other} have the same name.", hint="Name pages with `name_pages`."
            )
        yield _Level((keys >> np.uint64(32)).astype(np.uint32), keys.astype(np.uint32), ends, pages[ended])
        pages, parents = pages[going_on], nodes[going_on]
        depth += 1
