"""The links between a corpus's pages: its own anchors, or mentions of titles where it has none."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpus.store.layout import hash_id
from skerry.retrieval.corpusbrain.pretraining.mentions import find_mentions
from skerry.retrieval.corpusbrain.pretraining.pairs import Link


def resolved_links(store: PassageStore) -> Iterator[Link]:
    """The corpus's links, ascending by passage; make a list of them to go over them more than once.

    An anchor's target is a page's title as Wikipedia reads it (first letter in either case, "_" for a space,
    `%20` for a sign, "#section" left out) or else a page's id. A target that is no page of the corpus, or a
    title that several have, is no link. A corpus without a single anchor has `find_mentions` instead.
    """
    if not store.link_count:
        yield from find_mentions(store)
        return
    pages = _Pages(store)
    for link in store.links():
        page = pages.find(link.target)
        if page is not None:
            yield Link(link.passage, link.start, link.end, page)


class _Pages:
    """Page numbers by title or id; holds 12 bytes a page."""

    def __init__(self, store: PassageStore) -> None:
        self._store = store
        hashes = np.fromiter((hash_id(_key(page.title)) for page in store.pages()), np.uint64)
        self._order: NDArray[np.uint32] = np.argsort(hashes, kind="stable").astype(np.uint32)
        self._hashes: NDArray[np.uint64] = hashes[self._order]

    def find(self, target: str) -> int | None:
        """The number of the page that `target` means."""
        without_section = target.partition("#")[0]
        for name in dict.fromkeys((target, unquote(target), without_section, unquote(without_section))):
            page = self._titled(name)
            if page is None:
                page = self._store.find_page(name)
            if page is not None:
                return page
        return None

    def _titled(self, name: str) -> int | None:
        key = _key(name)
        wanted = np.uint64(hash_id(key))
        low = np.searchsorted(self._hashes, wanted, side="left")
        high = np.searchsorted(self._hashes, wanted, side="right")
        found = [n for n in self._order[low:high].tolist() if _key(self._store.page(n).title) == key]
        return found[0] if len(found) == 1 else None


def _key(title: str) -> str:
    """What Wikipedia takes for one title: spaces as "_" or blanks, the first letter small or a capital."""
    title = " ".join(title.replace("_", " ").split())
    return title[:1].upper() + title[1:]
