"""Joins the stores of consecutive shards without decoding a passage."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from skerry.retrieval.corpus.store.layout import LINKS, NAMES, PAGES, PASSAGES, SECTIONS, TEXT
from skerry.retrieval.corpus.store.reader import PassageStore
from skerry.retrieval.corpus.store.writer import PassageWriter

_ROWS = 1 << 16
_BYTES = 1 << 20


def merge_stores(parts: Iterable[PassageStore], out: Path) -> None:
    """Write the passages of `parts`, in order, to one store in `out`; no more than two parts are open."""
    with PassageWriter(out) as writer:
        for part in parts:
            _append(writer, part)


def _append(writer: PassageWriter, part: PassageStore) -> None:
    passages, pages, sections, text_bytes, names_bytes = writer.counts()
    columns = part.columns()
    for start in range(0, len(columns.passages), _ROWS):
        rows = columns.passages[start : start + _ROWS].copy()
        rows["text_start"] += text_bytes
        rows["page"] += pages
        rows["section"] += sections
        writer.append_blocks(PASSAGES, rows.tobytes(), passages=len(rows))
    hashes = np.empty(len(columns.pages), np.uint64)
    hashes[columns.lookup["page"]] = columns.lookup["hash"]
    for start in range(0, len(columns.pages), _ROWS):
        rows = columns.pages[start : start + _ROWS].copy()
        rows["names_start"] += names_bytes
        rows["first_passage"] += passages
        writer.append_blocks(PAGES, rows.tobytes(), hashes=hashes[start : start + _ROWS])
    for start in range(0, len(columns.sections), _ROWS):
        rows = columns.sections[start : start + _ROWS].copy()
        rows["names_start"] += names_bytes
        rows["page"] += pages
        writer.append_blocks(SECTIONS, rows.tobytes(), sections=len(rows))
    for start in range(0, len(columns.links), _ROWS):
        rows = columns.links[start : start + _ROWS].copy()
        rows["names_start"] += names_bytes
        rows["passage"] += passages
        writer.append_blocks(LINKS, rows.tobytes())
    for kind, blob in ((TEXT, columns.text), (NAMES, columns.names)):
        for start in range(0, len(blob), _BYTES):
            writer.append_blocks(kind, blob[start : start + _BYTES].tobytes())
