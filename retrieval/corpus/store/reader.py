"""Reads a passage store through memory maps: opening is cheap, and processes share the pages."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import NotFound
from skerry.retrieval.corpus.records import Passage, PassageLink, Span
from skerry.retrieval.corpus.store.layout import (
    HEADER,
    KINDS,
    LINK,
    LINKS,
    LOOKUP,
    LOOKUPS,
    NAMES,
    PAGE,
    PAGES,
    PASSAGE,
    PASSAGES,
    SECTION,
    SECTIONS,
    TEXT,
    corrupt,
    hash_id,
    read_header,
)

_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Columns:
    """Read-only arrays of a store: structured rows of shape (n,), and the two blobs as bytes."""

    passages: NDArray[np.void]
    pages: NDArray[np.void]
    sections: NDArray[np.void]
    lookup: NDArray[np.void]
    links: NDArray[np.void]
    text: NDArray[np.uint8]
    names: NDArray[np.uint8]


class PageEntry(NamedTuple):
    """One page: its id, its title, the ordinal of its first passage, and how many passages it has."""

    id: str
    title: str
    first: int
    passages: int


class PassageStore:
    """The passages of one index version, by ordinal. Immutable; safe from many threads; sent to another
    process it reopens by its folder.

    Use `open`. Every method raises `IndexCorrupt` naming the file when damage shows.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        stamps: set[bytes] = set()
        maps: dict[str, mmap.mmap] = {}
        for kind in KINDS:
            path = folder / kind.name
            _, stamp = read_header(path, kind)
            stamps.add(stamp)
            with path.open("rb") as file:
                maps[kind.name] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            if len(stamps) > 1:
                raise corrupt(path, "belongs to another passage store than the files beside it")
        self._stamp = stamps.pop()
        self._text = maps[TEXT.name]
        self._names = maps[NAMES.name]
        self._rows: NDArray[np.void] = np.frombuffer(maps[PASSAGES.name], PASSAGE, offset=HEADER.size)
        self._pages: NDArray[np.void] = np.frombuffer(maps[PAGES.name], PAGE, offset=HEADER.size)
        self._sections: NDArray[np.void] = np.frombuffer(maps[SECTIONS.name], SECTION, offset=HEADER.size)
        self._lookup: NDArray[np.void] = np.frombuffer(maps[LOOKUPS.name], LOOKUP, offset=HEADER.size)
        self._links: NDArray[np.void] = np.frombuffer(maps[LINKS.name], LINK, offset=HEADER.size)
        if len(self._lookup) != len(self._pages):
            raise corrupt(folder / LOOKUPS.name, f"has {len(self._lookup)} rows for {len(self._pages)} pages")

    @classmethod
    def open(cls, folder: Path) -> PassageStore:
        """The store in `folder`.

        Raises:
            IndexCorrupt: a file that is missing, truncated, unfinished, foreign or of another format version.
        """
        return cls(folder)

    @classmethod
    def concatenate(cls, parts: Sequence[Path], out: Path) -> None:
        """Write one store to `out` with the passages of all `parts` in order, ordinals renumbered.

        Streams in blocks. The result is the same, byte for byte, as if one writer had written all passages.

        Raises:
            IndexCorrupt: a part that cannot be opened.
            InvalidInput: two parts that hold a page of the same id.
        """
        from skerry.retrieval.corpus.store.merge import merge_stores

        merge_stores((cls.open(part) for part in parts), out)

    def __reduce__(self) -> tuple[type[PassageStore], tuple[Path]]:
        return PassageStore, (self.folder,)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def page_count(self) -> int:
        """Number of pages that have at least one passage."""
        return len(self._pages)

    @property
    def link_count(self) -> int:
        """Number of links in all passages."""
        return len(self._links)

    @property
    def text_bytes(self) -> int:
        """UTF-8 bytes of all passages' texts."""
        return len(self._text) - HEADER.size

    def __getitem__(self, ordinal: int) -> Passage:
        """The passage numbered `ordinal`. Raises `NotFound` outside 0..len-1."""
        return self.get_many([ordinal])[0]

    def __iter__(self) -> Iterator[Passage]:
        for start in range(0, len(self), _BLOCK):
            yield from self.get_many(np.arange(start, min(start + _BLOCK, len(self))))

    def get_many(self, ordinals: Sequence[int] | NDArray[Any]) -> list[Passage]:
        """The passages of `ordinals`, shape (n,), in that order. Raises `NotFound` for one out of range."""
        wanted = np.asarray(ordinals, dtype=np.int64)
        self._check_range(wanted)
        passages: list[Passage] = []
        pages: dict[int, tuple[str, str]] = {}
        sections: dict[int, str] = {}
        for ordinal, row in zip(wanted.tolist(), self._rows[wanted].tolist(), strict=True):
            text_start, text_size, page, section, number, a, b, c, d = row
            if page not in pages:
                pages[page] = self._page_names(page)
            if section not in sections:
                sections[section] = self._section_name(section)
            page_id, title = pages[page]
            text = self._slice(self._text, TEXT.name, text_start, text_size)
            passages.append(
                Passage(
                    ordinal, f"{page_id}#{number}", page_id, title, sections[section], text, Span(a, b, c, d)
                )
            )
        return passages

    def ordinal(self, passage_id: str) -> int:
        """The ordinal of the passage `{page_id}#{n}`. Raises `NotFound`."""
        page_id, _, number = passage_id.rpartition("#")
        page = self.find_page(page_id)
        if page is not None and number.isascii() and number.isdigit() and (number == "0" or number[0] != "0"):
            _, first, _, _, count, _ = self._page_row(page)
            if len(number) < 11 and int(number) < count:
                return first + int(number)
        raise NotFound(
            f"There is no passage {passage_id!r} in {self.folder}.",
            hint="Passage ids are a page's id, '#', and the passage's number in the page.",
            details={"passage": passage_id},
        )

    def page_ordinals(self, page_ids: Iterable[str]) -> NDArray[np.int64]:
        """Ordinals of these pages' passages, ascending, int64 of shape (n,); unknown pages are ignored."""
        found = {page for page_id in page_ids if (page := self.find_page(page_id)) is not None}
        runs = []
        for page in sorted(found):
            _, first, _, _, count, _ = self._page_row(page)
            runs.append(np.arange(first, first + count, dtype=np.int64))
        return np.concatenate(runs) if runs else np.empty(0, np.int64)

    def page(self, number: int) -> PageEntry:
        """The page numbered `number`, in corpus order. Raises `NotFound` outside 0..page_count-1."""
        if not 0 <= number < len(self._pages):
            raise NotFound(
                f"There is no page number {number} in {self.folder}, which holds {len(self._pages)}.",
                details={"page": str(number)},
            )
        _, first, _, _, count, _ = self._page_row(number)
        return PageEntry(*self._page_names(number), first, count)

    def find_page(self, page_id: str) -> int | None:
        """The number of the page with this id, or None."""
        try:
            wanted = np.uint64(hash_id(page_id))
        except UnicodeEncodeError:
            return None
        hashes = self._lookup["hash"]
        place = int(np.searchsorted(hashes, wanted))
        while place < len(hashes) and hashes[place] == wanted:
            page = int(self._lookup[place]["page"])
            if self._page_names(page)[0] == page_id:
                return page
            place += 1
        return None

    def pages(self) -> Iterator[PageEntry]:
        """Every page, in corpus order."""
        return map(self.page, range(len(self._pages)))

    def links(self) -> Iterator[PassageLink]:
        """Every link, ascending by passage and character; none where the corpus had no anchors."""
        for low in range(0, len(self._links), _BLOCK):
            for names_start, size, passage, start, end in self._links[low : low + _BLOCK].tolist():
                if passage >= len(self):
                    raise corrupt(self.folder / LINKS.name, f"names passage {passage} of {len(self)}")
                yield PassageLink(
                    passage, start, end, self._slice(self._names, NAMES.name, names_start, size)
                )

    def texts(self, start: int, stop: int) -> Iterator[tuple[str, str, str]]:
        """(title, section, text) of ordinals [start, stop), in order. Raises `NotFound` when out of range."""
        if start < stop:
            self._check_range(np.array([start, stop - 1]))
        for low in range(start, stop, _BLOCK):
            for passage in self.get_many(np.arange(low, min(low + _BLOCK, stop))):
                yield passage.title, passage.section, passage.text

    def digest(self) -> str:
        """Hex SHA-256 of the logical content, as recorded by the writer: the same however shards were cut."""
        return self._stamp.hex()

    def columns(self) -> Columns:
        """The store's arrays as they lie in the files, for merging."""
        return Columns(
            self._rows,
            self._pages,
            self._sections,
            self._lookup,
            self._links,
            np.frombuffer(self._text, np.uint8, offset=HEADER.size),
            np.frombuffer(self._names, np.uint8, offset=HEADER.size),
        )

    def _check_range(self, ordinals: NDArray[np.int64]) -> None:
        outside = ordinals[(ordinals < 0) | (ordinals >= len(self))]
        if len(outside):
            raise NotFound(
                f"There is no passage number {int(outside[0])} in {self.folder}, which holds {len(self)}.",
                details={"ordinal": str(int(outside[0]))},
            )

    def _page_names(self, page: int) -> tuple[str, str]:
        if page >= len(self._pages):
            raise corrupt(self.folder / PASSAGES.name, f"names page {page} of {len(self._pages)}")
        start, _, id_size, title_size, _, _ = self._page_row(page)
        return (
            self._slice(self._names, NAMES.name, start, id_size),
            self._slice(self._names, NAMES.name, start + id_size, title_size),
        )

    def _page_row(self, page: int) -> tuple[int, int, int, int, int, int]:
        row: tuple[int, int, int, int, int, int] = self._pages[page].item()
        if row[1] + row[4] > len(self):
            raise corrupt(self.folder / PAGES.name, f"has a page that ends after the {len(self)} passages")
        return row

    def _section_name(self, section: int) -> str:
        if section >= len(self._sections):
            raise corrupt(self.folder / PASSAGES.name, f"names section {section} of {len(self._sections)}")
        start, size, _ = self._sections[section].item()
        return self._slice(self._names, NAMES.name, start, size)

    def _slice(self, blob: mmap.mmap, name: str, start: int, size: int) -> str:
        low = HEADER.size + start
        high = low + size
        if high > len(blob):
            raise corrupt(self.folder / name, f"has no byte {high}, which a row refers to")
        try:
            return blob[low:high].decode()
        except UnicodeDecodeError as error:
            raise corrupt(self.folder / name, f"is damaged between bytes {low} and {high}") from error
