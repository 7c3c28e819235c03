"""The corpora of a server: their documents, and the index version of each that answers now."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from skerry.core.deadline import Deadline
from skerry.core.errors import (
    AlreadyExists,
    BackendUnavailable,
    IndexNotReady,
    InvalidInput,
    NotFound,
    SkerryError,
)
from skerry.core.files import fsync_directory, naming_full_disk, write_atomically
from skerry.core.models.store import ModelStore
from skerry.retrieval.base import LegRequest, RetrievalRequest
from skerry.retrieval.index.reader import Index
from skerry.retrieval.index.versions import current_version
from skerry.retrieval.pipeline import RetrievalPipeline
from skerry.retrieval.quotes import QuoteFinder
from skerry.services.documents import DocumentLog
from skerry.services.observability.logs import log

DEFAULT = "default"
"""The corpus that stands for an index given as a folder."""

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_ABOUT = "corpus.json"


@dataclass(frozen=True, slots=True)
class About:
    """What a corpus says of itself; `created` is UTC, ISO 8601."""

    id: str
    description: str
    created: str


class Opened:
    """An open index version with its pipeline; closed when it is retired and the last call has left."""

    def __init__(self, corpus: str, index: Index) -> None:
        self.corpus = corpus
        self.index = index
        self.pipeline = RetrievalPipeline(index)
        self._quotes: QuoteFinder | None = None
        self._quotes_tried = False
        self._quotes_lock = threading.Lock()
        self._users = 0
        self._retired = False
        self._lock = threading.Lock()

    def quotes(self) -> QuoteFinder | None:
        """Looks texts up in the whole corpus; None without a leg for that, or where it cannot be used."""
        with self._quotes_lock:
            if not self._quotes_tried and "seal" in self.index.legs:
                from skerry.retrieval.seal.quotes.opening import open_quotes

                try:
                    self._quotes = open_quotes(self.index)
                except SkerryError as error:
                    log(logging.WARNING, "quotes are not checked", corpus=self.corpus, error=str(error))
            self._quotes_tried = True
            return self._quotes

    def enter(self) -> bool:
        """Take part; False when it has been retired already."""
        with self._lock:
            if self._retired:
                return False
            self._users += 1
            return True

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            last = self._retired and self._users == 0
        if last:
            self._close()

    def retire(self) -> None:
        """No new calls; closes now, or with the last call."""
        with self._lock:
            if self._retired:
                return
            self._retired = True
            idle = self._users == 0
        if idle:
            self._close()

    def _close(self) -> None:
        self.pipeline.close()
        self.index.close()


class CorpusEntry:
    """One corpus: its folders, its documents, and what is open of its index."""

    def __init__(self, about: About, folder: Path, index: Path, read_only: bool) -> None:
        self.about = about
        self.folder = folder
        self.index = index
        self.read_only = read_only
        self.lock = threading.RLock()
        self.switching = threading.Lock()
        self.opened: Opened | None = None
        self._documents: DocumentLog | None = None

    @property
    def id(self) -> str:
        return self.about.id

    def documents(self) -> DocumentLog:
        """The documents; opened at first use. Raises `InvalidInput` for an index without documents."""
        if self.read_only:
            raise InvalidInput(
                f"The corpus {self.id!r} is an index that the server was given: it has no documents.",
                hint="Create a corpus for documents of your own.",
                details={"field": "corpus"},
            )
        with self.lock:
            if self._documents is None:
                self._documents = DocumentLog(self.folder)
            return self._documents

    def close(self) -> None:
        with self.lock:
            if self.opened is not None:
                self.opened.retire()
                self.opened = None
            if self._documents is not None:
                self._documents.close()
                self._documents = None


class Catalogue:
    """Corpora by id. Safe to use from several threads; one process a data folder.

    Args:
        index: folder of an index to serve as the corpus "default".
        data: folder in which corpora are kept; None makes the catalogue read-only.
        models: where the legs' models are.

    Raises:
        BackendUnavailable: another server uses the data folder.
    """

    def __init__(self, index: Path | None, data: Path | None, models: ModelStore) -> None:
        self.data = data
        self._models = models
        self._lock = threading.Lock()
        self._entries: dict[str, CorpusEntry] = {}
        self._guard: int | None = None
        if data is not None:
            self._guard = _take(data)
            for path in sorted((data / "corpora").glob(f"*/{_ABOUT}")):
                self._add(About(**json.loads(path.read_bytes())), path.parent)
        if index is not None:
            if DEFAULT in self._entries:
                raise InvalidInput(
                    f"The data folder {data} has a corpus {DEFAULT!r} already.",
                    hint="Give either --index or --data.",
                )
            about = About(DEFAULT, f"The index {index.name}", "")
            self._entries[DEFAULT] = CorpusEntry(about, index, index, read_only=True)

    def entries(self) -> list[CorpusEntry]:
        """Every corpus, by id."""
        with self._lock:
            return [self._entries[name] for name in sorted(self._entries)]

    def entry(self, corpus: str) -> CorpusEntry:
        """The corpus of that id. Raises `NotFound` that lists the known ones."""
        with self._lock:
            if corpus in self._entries:
                return self._entries[corpus]
            known = ", ".join(sorted(self._entries)) or "none"
        raise NotFound(
            f"There is no corpus {corpus[:80]!r}; known: {known}.", details={"kind": "corpus", "name": corpus}
        )

    def chosen(self, corpus: str) -> CorpusEntry:
        """The corpus of that id, or with "" the default or only one.

        Raises:
            NotFound: an unknown id.
            IndexNotReady: "" and there is no corpus.
            InvalidInput: "" and there are several.
        """
        if corpus:
            return self.entry(corpus)
        entries = self.entries()
        if not entries:
            raise IndexNotReady("This server has no corpus.", hint="Start it with --index, or create one.")
        with self._lock:
            if DEFAULT in self._entries:
                return self._entries[DEFAULT]
        if len(entries) > 1:
            raise InvalidInput(
                f"The server has several corpora: {', '.join(entry.id for entry in entries)}.",
                hint="Say which one in the field `corpus`.",
                details={"field": "corpus"},
            )
        return entries[0]

    @contextmanager
    def lease(self, corpus: str) -> Iterator[Opened]:
        """An open index version, which stays open inside the block whatever is activated meanwhile.

        Raises:
            see `chosen`; IndexNotReady when nothing has been built yet; IndexCorrupt.
        """
        entry = self.chosen(corpus)
        while True:
            with entry.lock:
                if entry.opened is None:
                    entry.opened = self._open(entry)
                opened = entry.opened
                if opened.enter():
                    break
                entry.opened = None
        try:
            yield opened
        finally:
            opened.leave()

    def refresh(self, entry: CorpusEntry) -> None:
        """Serve the version that CURRENT names. What cannot be opened leaves the old version at work."""
        with entry.switching:
            before = entry.opened
            if before is None or current_version(entry.index) == before.index.version:
                return
            # Opened and warmed beside the old one, which answers until the new one is ready.
            after = self._open(entry)
            with entry.lock:
                entry.opened = after
            before.retire()
        log(logging.INFO, "index version", corpus=entry.id, version=after.index.version)

    def refresh_all(self) -> None:
        """`refresh` every corpus; errors are logged."""
        for entry in self.entries():
            try:
                self.refresh(entry)
            except SkerryError as error:
                log(logging.ERROR, "index version cannot be opened", corpus=entry.id, error=str(error))

    def warm(self, entry: CorpusEntry) -> None:
        """Open the index and load every leg's model, so that the first call is as quick as the others."""
        with self.lease(entry.id):
            pass

    def create(self, corpus: str, description: str) -> CorpusEntry:
        """Make an empty corpus.

        Raises:
            InvalidInput: a bad id. AlreadyExists. BackendUnavailable: there is no data folder, or no space.
        """
        if not _ID.fullmatch(corpus):
            raise InvalidInput(
                f"{corpus[:80]!r} cannot be the id of a corpus.",
                hint="Use 1 to 64 of a-z, 0-9, '-' and '_', starting with a letter or digit.",
                details={"field": "corpus"},
            )
        data = self.writable()
        with self._lock:
            if corpus in self._entries:
                raise AlreadyExists(
                    f"There is a corpus {corpus!r} already.", details={"kind": "corpus", "name": corpus}
                )
            about = About(corpus, description, datetime.now(UTC).isoformat(timespec="seconds"))
            folder = data / "corpora" / corpus
            with naming_full_disk(data):
                folder.mkdir(parents=True, exist_ok=True)
                body = {"id": about.id, "description": about.description, "created": about.created}
                write_atomically(folder / _ABOUT, json.dumps(body).encode())
                fsync_directory(folder.parent)
            return self._add(about, folder)

    def delete(self, corpus: str) -> None:
        """Delete a corpus with everything in it. Raises `NotFound`, or `InvalidInput` for a given index."""
        entry = self.entry(corpus)
        entry.documents()
        with self._lock:
            self._entries.pop(corpus, None)
        entry.close()
        # Out of sight in one step, so that a crash leaves no half of a corpus behind.
        retired = entry.folder.with_name(f".deleted-{corpus}-{os.getpid()}-{threading.get_ident()}")
        entry.folder.rename(retired)
        fsync_directory(entry.folder.parent)
        shutil.rmtree(retired, ignore_errors=True)

    def writable(self) -> Path:
        """The data folder. Raises `BackendUnavailable` when there is none."""
        if self.data is None:
            raise BackendUnavailable(
                "This server keeps no corpora of its own.", hint="Start it with --data FOLDER."
            )
        return self.data

    def close(self) -> None:
        for entry in self.entries():
            entry.close()
        if self._guard is not None:
            os.close(self._guard)
            self._guard = None

    def _add(self, about: About, folder: Path) -> CorpusEntry:
        entry = CorpusEntry(about, folder, folder / "index", read_only=False)
        self._entries[about.id] = entry
        return entry

    def _open(self, entry: CorpusEntry) -> Opened:
        opened = Opened(entry.id, Index.open(entry.index, models=self._models))
        for leg in opened.index.legs:
            request = RetrievalRequest(query="warm up", legs=(LegRequest(leg, limit=1),), limit=1)
            try:
                opened.pipeline.retrieve([request], Deadline())
            except SkerryError as error:
                # The other legs can still answer; a call that asks for this one gets the error itself.
                log(logging.WARNING, "leg cannot be used", corpus=entry.id, leg=leg, error=str(error))
        opened.quotes()
        return opened


def _take(data: Path) -> int:
    """The data folder, locked for this process."""
    with naming_full_disk(data):
        (data / "corpora").mkdir(parents=True, exist_ok=True)
        descriptor = os.open(data / "LOCK", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise BackendUnavailable(
            f"Another server uses the data folder {data}.",
            hint="Stop it, or choose another folder with --data.",
            details={"path": str(data)},
        ) from error
    return descriptor
