"""An index version, opened: its passages, and a retriever for each of its legs."""

from __future__ import annotations

import fcntl
import os
import threading
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from skerry.core.errors import IndexCorrupt, IndexNotReady
from skerry.core.models.store import Model, ModelStore
from skerry.retrieval.base import Retriever
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.index.configure import configured_leg
from skerry.retrieval.index.leg import LEGS, RestsOnLegs
from skerry.retrieval.index.manifest import MANIFEST, LegEntry, Manifest
from skerry.retrieval.index.verify import Verify, check_files
from skerry.retrieval.index.versions import check_current, check_version, current_version, version_folder

PASSAGES = "passages"


class Index:
    """One version of an index, immutable; made by `Index.open`. Safe to use from several threads.

    A version stays on disk for as long as an `Index` has it open, whatever is published meanwhile.

    Attributes:
        folder: the index folder (DIR, not the version's folder).
        version: the version's name.
        legs: names of the legs that it holds, sorted.
    """

    def __init__(
        self, folder: Path, manifest: Manifest, passages: PassageStore, models: ModelStore | None, hold: int
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.version = manifest.version
        self.passages = passages
        self.legs: tuple[str, ...] = tuple(sorted(manifest.legs))
        self._models = models
        self._hold = hold
        self._retrievers: dict[str, Retriever] = {}
        self._lock = threading.Lock()
        self._closed = False

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        version: str | None = None,
        models: ModelStore | None = None,
        verify: Verify = "auto",
    ) -> Self:
        """Open a version (the current one by default) of the index in `folder`.

        Args:
            models: where the legs' models are; the default store when None.
            verify: "full" reads every file, "sizes" none, "auto" all of an index under 1 GiB.

        Raises:
            IndexNotReady: nothing has been published in `folder` yet.
            NotFound: no such version.
            IndexCorrupt: a file that is missing or damaged; names it.
        """
        folder = Path(folder)
        manifest, hold = _hold_version(folder, version)
        target = version_folder(folder, manifest.version)
        try:
            check_files(target, manifest, verify)
            passages = PassageStore.open(target / PASSAGES)
            if len(passages) != manifest.corpus.passages:
                raise IndexCorrupt(
                    f"{target / PASSAGES} has {len(passages)} passages; the manifest says "
                    f"{manifest.corpus.passages}.",
                    details={"file": str(target / PASSAGES)},
                )
        except BaseException:
            os.close(hold)
            raise
        return cls(folder, manifest, passages, models, hold)

    def retriever(self, leg: str) -> Retriever:
        """The retriever of one leg; opened at the first call, the same object afterwards.

        Raises:
            NotFound: there is no leg of that name, or its model is not on this machine.
            IndexNotReady: this index was built without that leg.
            IndexCorrupt: the leg's files are damaged, or its model is not the one it was built with.
        """
        entry = self.entry(leg)
        with self._lock:
            if self._closed:
                raise IndexNotReady(f"The index {self.folder} was closed.", hint="Open it again.")
            if leg not in self._retrievers:
                files, model = self.files_of(leg)
                retriever = configured_leg(leg, entry.parameters).open(files, self.passages, model)
                if isinstance(retriever, RestsOnLegs):
                    retriever.rest_on(
                        {name: partial(self.retriever, name) for name in self.legs if name != leg}
                    )
                self._retrievers[leg] = retriever
            return self._retrievers[leg]

    def entry(self, leg: str) -> LegEntry:
        """What the manifest says of one leg.

        Raises:
            NotFound: there is no leg of that name.
            IndexNotReady: this index was built without it.
        """
        LEGS.check(leg)
        entry = self.manifest.legs.get(leg)
        if entry is None:
            raise IndexNotReady(
                f"The index {self.folder} was built without the leg {leg!r}; it has {', '.join(self.legs)}.",
                hint=f"Build it again with --legs {','.join((*self.legs, leg))}.",
                details={"leg": leg},
            )
        return entry

    def files_of(self, leg: str) -> tuple[Path, Model | None]:
        """The folder of one leg's files, and the model that it was built with. Raises as `retriever` does."""
        return self.folder_of(leg), self._model(leg, self.entry(leg))

    def folder_of(self, leg: str) -> Path:
        """The folder of one leg's files. Raises as `entry` does."""
        self.entry(leg)
        return version_folder(self.folder, self.version) / leg

    def close(self) -> None:
        """Close every retriever, and let the version be pruned. May be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for retriever in self._retrievers.values():
                retriever.close()
            self._retrievers.clear()
            os.close(self._hold)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _model(self, leg: str, entry: LegEntry) -> Model | None:
        if entry.model is None:
            return None
        built = entry.model
        if self._models is None:
            self._models = ModelStore()
        model = self._models.resolve(built.name)
        model.check_is(
            built.name,
            built.weights_hash,
            built.tokenizer_hash,
            made=f"The leg {leg!r} of {version_folder(self.folder, self.version)} was built with the model",
            hint="Pull the model that the index was built with, or build the index again.",
        )
        return model


def _hold_version(folder: Path, version: str | None) -> tuple[Manifest, int]:
    """A version's manifest, and a descriptor that keeps the version from being pruned until it is closed."""
    while True:
        name = current_version(folder) if version is None else version
        path = version_folder(folder, name) / MANIFEST
        descriptor = _shared_lock(path)
        if descriptor is not None:
            break
        # Published and pruned while we looked, unless CURRENT still names it.
        if version is not None:
            check_version(folder, name)
            raise _missing_manifest(path)
        if current_version(folder) == name:
            check_current(folder, name)
            raise _missing_manifest(path)
    try:
        return Manifest.read(path), descriptor
    except BaseException:
        os.close(descriptor)
        raise


def _shared_lock(path: Path) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if path.exists():
            return descriptor
    except BlockingIOError:
        pass
    os.close(descriptor)
    return None


def _missing_manifest(path: Path) -> IndexCorrupt:
    return IndexCorrupt(
        f"{path} is missing.",
        hint="Activate another version (`skerry index versions DIR`), or build again with --force.",
        details={"file": str(path)},
    )
