"""The files of a passage store.

Seven files, each a 64-byte header and a payload, little-endian:

    passages.col  one PASSAGE row a passage, in corpus order
    pages.col     one PAGE row a page, in corpus order
    sections.col  one SECTION row a section of a page, in corpus order
    lookup.col    one LOOKUP row a page, sorted by the hash of its id
    links.col     one LINK row a link from a passage to a page, in corpus order
    text.blob     the passages' texts, UTF-8, end to end
    names.blob    page ids, titles, section paths and links' targets, UTF-8, end to end

Every header repeats the stamp, a digest of the store's logical content: files of two stores cannot be mixed.
The payloads depend on the passages only: the same corpus gives the same bytes however shards were cut.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skerry.core.errors import IndexCorrupt

MAGIC = b"SKRYPSG\n"
VERSION = 2
HEADER = struct.Struct("<8sHHIQQ32s")

PASSAGE = np.dtype(
    [
        ("text_start", "<u8"),
        ("text_size", "<u4"),
        ("page", "<u4"),
        ("section", "<u4"),
        ("number", "<u4"),
        ("start_paragraph", "<u4"),
        ("start_character", "<u4"),
        ("end_paragraph", "<u4"),
        ("end_character", "<u4"),
    ]
)
PASSAGE_ROW = struct.Struct("<QIIIIIIII")
PAGE = np.dtype(
    [
        ("names_start", "<u8"),
        ("first_passage", "<u8"),
        ("id_size", "<u4"),
        ("title_size", "<u4"),
        ("passages", "<u4"),
        ("unused", "<u4"),
    ]
)
PAGE_ROW = struct.Struct("<QQIIII")
SECTION = np.dtype([("names_start", "<u8"), ("size", "<u4"), ("page", "<u4")])
SECTION_ROW = struct.Struct("<QII")
LOOKUP = np.dtype([("hash", "<u8"), ("page", "<u4"), ("unused", "<u4")])
LINK = np.dtype(
    [("names_start", "<u8"), ("size", "<u4"), ("passage", "<u4"), ("start", "<u4"), ("end", "<u4")]
)
LINK_ROW = struct.Struct("<QIIII")


class Kind(NamedTuple):
    """One file of a store: its name, its number in the header, the bytes of a row (1 in a blob)."""

    name: str
    number: int
    row: int


PASSAGES = Kind("passages.col", 1, PASSAGE.itemsize)
PAGES = Kind("pages.col", 2, PAGE.itemsize)
SECTIONS = Kind("sections.col", 3, SECTION.itemsize)
LOOKUPS = Kind("lookup.col", 4, LOOKUP.itemsize)
TEXT = Kind("text.blob", 5, 1)
NAMES = Kind("names.blob", 6, 1)
LINKS = Kind("links.col", 7, LINK.itemsize)
KINDS = (PASSAGES, PAGES, SECTIONS, LOOKUPS, TEXT, NAMES, LINKS)


def hash_id(page_id: str) -> int:
    """The 64-bit hash of a page id by which lookup.col is sorted."""
    return int.from_bytes(hashlib.blake2b(page_id.encode(), digest_size=8).digest(), "little")


def stamp_of(payload_digests: Mapping[str, bytes]) -> bytes:
    """The store's digest, 32 bytes, from each payload's SHA-256 by file name (but lookup.col: it follows)."""
    whole = hashlib.sha256(b"skerry passage store %d" % VERSION)
    for kind in KINDS:
        if kind is not LOOKUPS:
            whole.update(payload_digests[kind.name])
    return whole.digest()


def pack_header(kind: Kind, size: int, stamp: bytes) -> bytes:
    """The header of a finished file with `size` bytes of payload."""
    return HEADER.pack(MAGIC, VERSION, kind.number, kind.row, size // kind.row, size, stamp)


def read_header(path: Path, kind: Kind) -> tuple[int, bytes]:
    """(rows, stamp) of a store's file. Raises `IndexCorrupt` that names the file unless it is whole."""
    try:
        with path.open("rb") as file:
            raw = file.read(HEADER.size)
            actual = path.stat().st_size
    except OSError as error:
        raise corrupt(path, f"cannot be read ({error.strerror})") from error
    if len(raw) < HEADER.size:
        raise corrupt(path, f"is {len(raw)} bytes long, shorter than its header")
    magic, version, number, row, count, size, stamp = HEADER.unpack(raw)
    if raw == bytes(HEADER.size):
        raise corrupt(path, "was never finished")
    if magic != MAGIC or number != kind.number:
        raise corrupt(path, f"is not a {kind.name} of a passage store")
    if version != VERSION:
        raise corrupt(path, f"has format version {version}; this Skerry reads version {VERSION}")
    if row != kind.row or count * row != size:
        raise corrupt(path, "has a damaged header")
    if actual != HEADER.size + size:
        raise corrupt(path, f"is {actual} bytes long; its header says {HEADER.size + size}")
    return count, stamp


def corrupt(path: Path, what: str) -> IndexCorrupt:
    """The error for a damaged file of a store."""
    return IndexCorrupt(
        f"The passage store's file {path} {what}.",
        hint="Build the index again, or restore the file from a copy.",
        details={"path": str(path)},
    )
