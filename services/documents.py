"""A corpus' documents as they came in: an append-only log, durable before anything is acknowledged."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO

from skerry.core.errors import AlreadyExists, IndexCorrupt, InvalidInput, SkerryError
from skerry.core.files import atomic_writer, fsync_directory, naming_full_disk
from skerry.retrieval.corpus.markup import content_span
from skerry.retrieval.corpus.records import Page

LOG = "documents.jsonl"
_LONGEST_ID = 512
_LONGEST_TITLE = 512


class Outcome(Enum):
    """What became of one document."""

    CREATED = "created"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class _Entry:
    offset: int
    length: int
    digest: bytes


class DocumentLog:
    """The documents of one corpus, one JSON object a line: `put` a page, or `delete` an id.

    The last line about an id holds. A line that a crash cut off was never acknowledged, and is dropped at the
    next opening. About 200 bytes of memory a document. Safe to use from several threads of one process.

    Args:
        folder: of the corpus.

    Raises:
        IndexCorrupt: a line that cannot be read, other than a cut-off last one.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOG
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        created = not self.path.exists()
        self._file: BinaryIO = self.path.open("a+b")
        if created:
            fsync_directory(folder)
        self._end = self._replay()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, pages: Sequence[Page], replace: bool) -> list[Outcome | SkerryError]:
        """Store pages; one result each, in order. All that succeeded are on disk when this returns.

        A page that is not as it should be gives an `InvalidInput`, one whose id is there with other content
        an `AlreadyExists` unless `replace`; the others are not concerned.
        """
        with self._lock:
            results: list[Outcome | SkerryError] = []
            lines: list[tuple[str, bytes, bytes]] = []
            fresh: dict[str, bytes] = {}
            for page in pages:
                try:
                    check_page(page)
                    body = _page_json(page)
                    digest = hashlib.sha256(body).digest()[:16]
                    known = self._entries.get(page.id)
                    before = fresh.get(page.id, None if known is None else known.digest)
                    if before == digest:
                        results.append(Outcome.UNCHANGED)
                        continue
                    if before is not None and not replace:
                        raise AlreadyExists(
                            f"The document {page.id[:80]!r} is there with other content.",
                            hint="Set replace_existing to replace it.",
                            details={"id": page.id},
                        )
                except SkerryError as error:
                    results.append(error)
                    continue
                fresh[page.id] = digest
                lines.append((page.id, b'{"put":' + body + b"}\n", digest))
                results.append(Outcome.CREATED if before is None else Outcome.REPLACED)
            self._append([line for _, line, _ in lines])
            for identity, line, digest in lines:
                self._entries[identity] = _Entry(self._end, len(line), digest)
                self._end += len(line)
            return results

    def delete(self, ids: Sequence[str]) -> tuple[int, list[str]]:
        """Remove documents; how many were there, and which were not."""
        with self._lock:
            there = list(dict.fromkeys(name for name in ids if name in self._entries))
            lines = [json.dumps({"delete": name}).encode() + b"\n" for name in there]
            self._append(lines)
            for name, line in zip(there, lines, strict=True):
                del self._entries[name]
                self._end += len(line)
            return len(there), [name for name in dict.fromkeys(ids) if name not in set(there)]

    def write_kilt(self, out: Path) -> int:
        """Write the documents, in the order of their first coming, as a KILT knowledge source; how many."""
        with self._lock:
            entries = list(self._entries.values())
        with naming_full_disk(out.parent), self.path.open("rb") as file, atomic_writer(out) as target:
            for entry in entries:
                file.seek(entry.offset)
                page = json.loads(file.read(entry.length))["put"]
                line = {
                    "wikipedia_id": page["id"],
                    "wikipedia_title": page["title"],
                    "text": [page["title"], *page["paragraphs"]],
                    "anchors": [
                        {
                            "text": text,
                            "wikipedia_title": where,
                            "paragraph_id": paragraph,
                            "start": start,
                            "end": end,
                        }
                        for text, where, paragraph, start, end in page["anchors"]
                    ],
                }
                target.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        return len(entries)

    def close(self) -> None:
        self._file.close()

    def _append(self, lines: Sequence[bytes]) -> None:
        if not lines:
            return
        with naming_full_disk(self.path.parent):
            try:
                self._file.write(b"".join(lines))
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError:
                # What was not acknowledged must not be found later behind what is.
                os.ftruncate(self._file.fileno(), self._end)
                raise

    def _replay(self) -> int:
        end = 0
        for number, line in enumerate(self._lines(), 1):
            if not line.endswith(b"\n"):
                os.ftruncate(self._file.fileno(), end)
                break
            try:
                record = json.loads(line)
                if "put" in record:
                    digest = hashlib.sha256(_canonical(record["put"])).digest()[:16]
                    self._entries[record["put"]["id"]] = _Entry(end, len(line), digest)
                else:
                    self._entries.pop(record["delete"], None)
            except (ValueError, KeyError, TypeError) as error:
                raise IndexCorrupt(
                    f"{self.path}:{number} is damaged.",
                    hint="Remove the line, or restore the file, and start again.",
                    details={"file": str(self.path), "line": str(number)},
                ) from error
            end += len(line)
        return end

    def _lines(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            yield from file


def check_page(page: Page) -> None:
    """Raise `InvalidInput` for a page that cannot be indexed: no id, an overlong id or title, no text."""
    if not page.id.strip() or len(page.id) > _LONGEST_ID:
        raise InvalidInput(
            f"A document's id has 1 to {_LONGEST_ID} characters, not {len(page.id)}.", details={"field": "id"}
        )
    if len(page.title) > _LONGEST_TITLE:
        raise InvalidInput(
            f"A document's title has at most {_LONGEST_TITLE} characters, not {len(page.title)}.",
            details={"field": "title"},
        )
    if not any(content_span(paragraph)[1] for paragraph in page.paragraphs[1:]):
        raise InvalidInput(
            f"The document {page.id[:80]!r} has no text.", details={"field": "paragraphs", "id": page.id}
        )


def _page_json(page: Page) -> bytes:
    return _canonical(
        {
            "id": page.id,
            "title": page.title,
            "paragraphs": list(page.paragraphs[1:]),
            "anchors": [[a.text, a.target, a.paragraph, a.start, a.end] for a in page.anchors],
            "metadata": dict(page.metadata),
        }
    )


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
