"""Writes a passage store as a stream: memory grows by 8 bytes a page and nothing else."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.core.files import naming_full_disk
from skerry.retrieval.corpus.records import Passage, PassageLink
from skerry.retrieval.corpus.store.layout import (
    HEADER,
    KINDS,
    LINK_ROW,
    LINKS,
    LOOKUP,
    LOOKUPS,
    NAMES,
    PAGE,
    PAGE_ROW,
    PAGES,
    PASSAGE_ROW,
    PASSAGES,
    SECTION_ROW,
    SECTIONS,
    TEXT,
    Kind,
    hash_id,
    pack_header,
    stamp_of,
)

_BUFFER = 1 << 20
_LARGEST = 2**32 - 1


class Payload:
    """One file under way: buffered, hashed as it grows, its header filled in at the end."""

    def __init__(self, folder: Path, kind: Kind) -> None:
        self.kind = kind
        self.size = 0
        self._hash = hashlib.sha256()
        self._buffer = bytearray()
        path = folder / kind.name
        # A new file, never the old one's bytes: a reader that has the old one mapped keeps it.
        path.unlink(missing_ok=True)
        self._file = path.open("xb", buffering=0)
        self._file.write(bytes(HEADER.size))

    def append(self, data: bytes) -> None:
        """Add bytes at the end."""
        self._buffer += data
        self.size += len(data)
        if len(self._buffer) >= _BUFFER:
            self._flush()

    def digest(self) -> bytes:
        """SHA-256 of all bytes so far."""
        self._flush()
        return self._hash.digest()

    def finish(self, stamp: bytes) -> None:
        """Write the header, which makes the file valid, and close."""
        self._flush()
        self._file.seek(0)
        self._file.write(pack_header(self.kind, self.size, stamp))
        self._file.close()

    def abandon(self) -> None:
        """Close without a header: the file stays invalid."""
        self._file.close()

    def _flush(self) -> None:
        self._hash.update(self._buffer)
        view = memoryview(self._buffer)
        written = 0
        while written < len(view):
            written += self._file.write(view[written:])
        view.release()
        self._buffer.clear()


class PassageWriter:
    """Appends passages in corpus order to a new store in `folder` (made if absent; an old store is replaced).

    Until `close()` the files are not valid and `PassageStore.open` refuses them. As a context manager it
    closes on success and leaves the store unfinished on an error. Nothing is synced: who publishes the folder
    syncs it.

    Raises:
        InvalidInput: a passage that breaks the store's rules: all passages of a page in a row, ids
            `{page_id}#{n}` with n = 0, 1, 2, ..., one title a page, text that UTF-8 can encode.
        BackendUnavailable: the disk is full or cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._passages = 0
        self._sections = 0
        self._hashes = array("Q")
        self._page: tuple[str, str] | None = None
        self._page_row = (0, 0, 0, 0)
        self._in_page = 0
        self._section: str | None = None
        self._closed = False
        with naming_full_disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._files = {kind: Payload(folder, kind) for kind in KINDS}

    def __len__(self) -> int:
        return self._passages

    def append(self, passage: Passage, links: Sequence[PassageLink] = ()) -> None:
        """Add one passage and its links; its ordinal, theirs too, becomes the number of passages before it.

        A passage that is refused leaves the store as it was.
        """
        self._check_open()
        new_page = self._page is None or passage.page_id != self._page[0]
        self._check_names(passage, new_page)
        span = passage.span
        place = (span.start_paragraph, span.start_character, span.end_paragraph, span.end_character)
        text = _utf8(passage.text, passage)
        names = [_utf8(name, passage) for name in (passage.page_id, passage.title, passage.section)]
        targets = [_utf8(link.target, passage) for link in links]
        self._check_links(passage, links)
        if min(place) < 0 or max(*place, len(text), *map(len, names)) > _LARGEST:
            raise InvalidInput(
                f"Passage {passage.id!r} has a span or a size that is not between 0 and {_LARGEST}: {place}.",
                hint="Cut passages with `chunk_page`.",
                details={"passage": passage.id},
            )
        with naming_full_disk(self.folder):
            if new_page:
                self._begin_page(passage, names[0], names[1])
            if passage.section != self._section:
                self._begin_section(passage.section, names[2])
            self._files[PASSAGES].append(
                PASSAGE_ROW.pack(
                    self._files[TEXT].size,
                    len(text),
                    len(self._hashes) - 1,
                    self._sections - 1,
                    self._in_page,
                    *place,
                )
            )
            self._files[TEXT].append(text)
            for link, target in zip(links, targets, strict=True):
                row = (self._files[NAMES].size, len(target), self._passages, link.start, link.end)
                self._files[LINKS].append(LINK_ROW.pack(*row))
                self._files[NAMES].append(target)
        self._passages += 1
        self._in_page += 1

    def append_blocks(
        self,
        kind: Kind,
        data: bytes,
        *,
        passages: int = 0,
        sections: int = 0,
        hashes: NDArray[np.uint64] | None = None,
    ) -> None:
        """Add bytes of one file as they are, with the counts they stand for: how whole stores are merged."""
        self._check_open()
        with naming_full_disk(self.folder):
            self._end_page()
            self._files[kind].append(data)
        self._passages += passages
        self._sections += sections
        if hashes is not None:
            self._hashes.frombytes(hashes.astype(np.uint64).tobytes())

    def counts(self) -> tuple[int, int, int, int, int]:
        """(passages, pages, sections, bytes of text, bytes of names) so far."""
        self._end_page()
        return (
            self._passages,
            len(self._hashes),
            self._sections,
            self._files[TEXT].size,
            self._files[NAMES].size,
        )

    def close(self) -> None:
        """Finish the store. Raises `InvalidInput` when two pages have the same id."""
        if self._closed:
            return
        try:
            with naming_full_disk(self.folder):
                self._end_page()
                self._write_lookup()
                stamp = stamp_of({kind.name: file.digest() for kind, file in self._files.items()})
                for file in self._files.values():
                    file.finish(stamp)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Stop and leave the store unfinished, so that it cannot be opened."""
        self._closed = True
        for file in self._files.values():
            file.abandon()

    def __enter__(self) -> PassageWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def _check_open(self) -> None:
        if self._closed:
            raise InvalidInput(f"The passage writer of {self.folder} is closed.", hint="Make a new writer.")

    def _check_names(self, passage: Passage, new_page: bool) -> None:
        expected = f"{passage.page_id}#{0 if new_page else self._in_page}"
        if not passage.page_id:
            raise InvalidInput("A passage has an empty page id.", hint="Give every page an id.")
        if passage.id != expected:
            raise InvalidInput(
                f"Passage {passage.id!r} of page {passage.page_id!r} should have the id {expected!r}.",
                hint="Append all passages of a page in a row, numbered from 0; a page stays in one shard.",
                details={"passage": passage.id},
            )
        if not new_page and self._page is not None and passage.title != self._page[1]:
            raise InvalidInput(
                f"Passage {passage.id!r} has the title {passage.title!r}, its page has {self._page[1]!r}.",
                hint="All passages of a page share its title; page ids are unique.",
                details={"passage": passage.id},
            )

    def _check_links(self, passage: Passage, links: Sequence[PassageLink]) -> None:
        for link in links:
            if not 0 <= link.start < link.end <= len(passage.text):
                raise InvalidInput(
                    f"Passage {passage.id!r} of {len(passage.text)} characters has a link from {link.start} "
                    f"to {link.end}.",
                    hint="Find a passage's links with `passage_links`.",
                    details={"passage": passage.id},
                )

    def _begin_page(self, passage: Passage, page_id: bytes, title: bytes) -> None:
        self._end_page()
        self._page = (passage.page_id, passage.title)
        self._page_row = (self._files[NAMES].size, self._passages, len(page_id), len(title))
        self._in_page = 0
        self._section = None
        self._files[NAMES].append(page_id + title)
        self._hashes.append(hash_id(passage.page_id))

    def _begin_section(self, section: str, name: bytes) -> None:
        row = SECTION_ROW.pack(self._files[NAMES].size, len(name), len(self._hashes) - 1)
        self._files[SECTIONS].append(row)
        self._files[NAMES].append(name)
        self._section = section
        self._sections += 1

    def _end_page(self) -> None:
        if self._page is not None:
            self._files[PAGES].append(PAGE_ROW.pack(*self._page_row, self._in_page, 0))
            self._page = None

    def _write_lookup(self) -> None:
        hashes = np.frombuffer(self._hashes, dtype=np.uint64) if self._hashes else np.empty(0, np.uint64)
        order = np.argsort(hashes, kind="stable").astype(np.uint32)
        for start in range(0, len(order), _BUFFER):
            pages = order[start : start + _BUFFER]
            rows = np.zeros(len(pages), LOOKUP)
            rows["hash"], rows["page"] = hashes[pages], pages
            self._files[LOOKUPS].append(rows.tobytes())
        ordered = hashes[order]
        same = np.flatnonzero(ordered[1:] == ordered[:-1])
        if len(same):
            self._check_duplicates(order, ordered, same)

    def _check_duplicates(
        self, order: NDArray[np.uint32], ordered: NDArray[np.uint64], same: NDArray[np.intp]
    ) -> None:
        """Compare the ids of pages whose hashes are equal."""
        for file in (self._files[PAGES], self._files[NAMES]):
            file.digest()
        rows = np.memmap(self.folder / PAGES.name, PAGE, "r", HEADER.size, (len(order),))
        names = np.memmap(self.folder / NAMES.name, np.uint8, "r", HEADER.size)
        for hashed in np.unique(ordered[same]):
            low = np.searchsorted(ordered, hashed, side="left")
            high = np.searchsorted(ordered, hashed, side="right")
            seen: set[bytes] = set()
            for page in order[low:high]:
                start, size = int(rows[page]["names_start"]), int(rows[page]["id_size"])
                page_id = names[start : start + size].tobytes()
                if page_id in seen:
                    raise InvalidInput(
                        f"Two pages have the id {page_id.decode()!r}.",
                        hint="Page ids must be unique; remove or rename one of them.",
                        details={"page": page_id.decode()},
                    )
                seen.add(page_id)


def _utf8(text: str, passage: Passage) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"Passage {passage.id!r} holds half of a surrogate pair, which is no character.",
            hint="Correct the text at its source.",
            details={"passage": passage.id},
        ) from error
