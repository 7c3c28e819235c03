"""The last tier: a file a value in one folder, which several processes may fill at the same time.

A file appears whole, by a rename, and is named by the digest of its value's name; whoever finds it checks it
to the last byte. Nothing is locked: a process keeps books of what it believes to be there, looks at the
folder again after it has written a part of the budget, and deletes what is too much.
"""

from __future__ import annotations

import mmap
import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from skerry.core.errors import BackendUnavailable
from skerry.core.files import atomic_writer
from skerry.generation.cache.passage_kv import PassageKV, StoreKey, Tier
from skerry.generation.cache.store.breaker import Breaker
from skerry.generation.cache.store.counts import Tally, TierCounts
from skerry.generation.cache.store.format import DamagedValue, Kind, decode, encode, stored_digest
from skerry.generation.cache.store.ledger import Ledger

_SUFFIX = ".kv"
_PART = 32
"""The folder is looked at again after a 32nd of the budget has been written."""
_ABANDONED_SECONDS = 3600.0


class DiskTier:
    """Values in files, read through memory maps.

    Args:
        folder: made if it is missing. Only values belong in it.
        budget: most bytes of files.
        kind: the stored numbers.

    Raises:
        BackendUnavailable: the folder cannot be made, read or written to.
    """

    name: Tier = "disk"

    def __init__(self, folder: Path, budget: int, kind: Kind = "same") -> None:
        self._folder = folder
        self._kind = kind
        self._lock = threading.Lock()
        self._ledger = Ledger(budget)
        self._breaker = Breaker()
        self._tally = Tally()
        self._written = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            with self._lock:
                self._look()
        except OSError as error:
            raise BackendUnavailable(
                f"The folder {folder} for keys and values cannot be used: {error.strerror or error}.",
                hint="Choose another for generation.cache.disk_folder, or leave it empty.",
                details={"path": str(folder), "field": "generation.cache.disk_folder"},
            ) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise BackendUnavailable(
                f"The folder {folder} for keys and values is not writable.",
                hint="Choose another for generation.cache.disk_folder, or leave it empty.",
                details={"path": str(folder), "field": "generation.cache.disk_folder"},
            )

    def asked(self, keys: Sequence[StoreKey]) -> None:
        """Count the requests."""
        with self._lock:
            self._ledger.asked([self._digest(key) for key in keys])

    def get_many(self, keys: Sequence[StoreKey]) -> list[PassageKV | None]:
        """Views of the files' pages."""
        return [self._get(self._digest(key)) for key in keys]

    def offer(self, key: StoreKey, kv: PassageKV) -> None:
        """Write the value if it is worth its place."""
        digest = self._digest(key)
        if not self._breaker.allows():
            self._count("passed_over")
            return
        pieces = encode(digest, kv, self._kind)
        size = sum(piece.nbytes for piece in pieces)
        there = self._there(digest)
        with self._lock:
            if there:
                self._ledger.enter(digest, size)
                return
            self._ledger.forget(digest)
            verdict = self._ledger.offer(digest, size)
            self._tally.counts["refused"] += not verdict.taken
        if not verdict.taken:
            return
        try:
            self._delete(verdict.leaving)
            with atomic_writer(self._path(digest)) as file:
                for piece in pieces:
                    file.write(piece)
            with self._lock:
                self._tally.counts["stored"] += 1
                self._written += size
                if self._written * _PART >= self._ledger.budget:
                    self._look()
        except OSError as error:
            self._fail(error)
            with self._lock:
                self._ledger.forget(digest)
            return
        self._breaker.succeeded()

    def holds(self, key: StoreKey) -> bool:
        """Whether there is a file of this name."""
        return self._there(self._digest(key))

    def counts(self) -> TierCounts:
        """What it did; entries and bytes are those that it knows of."""
        with self._lock:
            ledger = self._ledger
            return self._tally.snapshot(self.name, ledger.budget, len(ledger), ledger.nbytes)

    def close(self) -> None:
        """Nothing is held open."""

    def _digest(self, key: StoreKey) -> bytes:
        return stored_digest(key, self._kind)

    def _path(self, digest: bytes) -> Path:
        return self._folder / f"{digest.hex()}{_SUFFIX}"

    def _there(self, digest: bytes) -> bool:
        try:
            return self._path(digest).exists()
        except OSError:  # the folder may not be looked into
            return False

    def _get(self, digest: bytes) -> PassageKV | None:
        path = self._path(digest)
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                # Private, and so writable, which torch asks for; no page is ever written to.
                data = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY) if size else memoryview(b"")
            kv = decode(digest, data, self._kind)
        except FileNotFoundError:
            with self._lock:
                self._ledger.forget(digest)
            return None
        except DamagedValue as damage:
            self._drop_damaged(digest, str(damage))
            return None
        except OSError as error:
            self._fail(error)
            return None
        # What was read last leaves last, also after a restart.
        with suppress(OSError):
            os.utime(path)
        with self._lock:
            self._tally.counts["hits"] += 1
            self._ledger.enter(digest, size)
        return kv

    def _drop_damaged(self, digest: bytes, problem: str) -> None:
        path = self._path(digest)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self._fail(error)
        with self._lock:
            self._ledger.forget(digest)
            self._tally.counts["damaged"] += 1
            self._tally.problem = f"{path.name}: {problem}"

    def _delete(self, digests: Sequence[bytes]) -> None:
        for digest in digests:
            self._path(digest).unlink(missing_ok=True)
            self._count("evicted")

    def _count(self, what: str) -> None:
        with self._lock:
            self._tally.counts[what] += 1

    def _fail(self, error: OSError) -> None:
        self._breaker.failed()
        with self._lock:
            self._tally.failed(f"{self._folder}: {error.strerror or error}")

    def _look(self) -> None:
        """Make the books anew from the folder; delete what is over the budget. Hold the lock."""
        there: list[tuple[float, bytes, int]] = []
        for entry in os.scandir(self._folder):
            if not entry.name.endswith(_SUFFIX) or entry.name.startswith("."):
                continue
            try:
                stat, digest = entry.stat(), bytes.fromhex(entry.name.removesuffix(_SUFFIX))
            except (FileNotFoundError, ValueError):  # another process deleted it; or it is none of ours
                continue
            there.append((stat.st_mtime, digest, stat.st_size))
        for gone in set(self._ledger) - {digest for _, digest, _ in there}:
            self._ledger.forget(gone)
        unknown = [(digest, size) for _, digest, size in sorted(there) if digest not in self._ledger]
        for digest, size in unknown:
            self._ledger.enter(digest, size)
            # As good as asked for once: a newcomer that was not asked for more often does not displace it.
            self._ledger.asked([digest])
        for digest in self._ledger.overdrawn():
            self._path(digest).unlink(missing_ok=True)
            self._tally.counts["evicted"] += 1
        self._written = 0

    def _sweep(self) -> None:
        """Delete what killed writers left; a file of the last hour may be another process's work."""
        for path in self._folder.glob(".*.part"):
            try:
                if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    path.unlink(missing_ok=True)
            except FileNotFoundError:  # another process swept it
                continue
