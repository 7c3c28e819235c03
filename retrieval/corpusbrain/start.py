"""What a training goes on from: the title model of an index that is there already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import IndexCorrupt
from skerry.core.files import atomic_writer
from skerry.core.models.hashes import digest_files
from skerry.core.models.store import Model
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpusbrain.options import LEG
from skerry.retrieval.index.disk import link_or_copy
from skerry.retrieval.index.reader import Index
from skerry.retrieval.index.work import finished, finishing

NETWORK = "network"
"""Folder of a leg's files in which its trained network lies."""
_PAGES = "pages.npy"


@dataclass(frozen=True, slots=True)
class Start:
    """A title model that has read some of a corpus's pages.

    Attributes:
        network: its folder.
        known: which pages of the corpus it has read, by their ids; bool of shape (pages,).
        digest: hex digest of the model and of the pages that it has read.
    """

    network: Path
    known: NDArray[np.bool_]
    digest: str


def save_pages(folder: Path, passages: PassageStore) -> None:
    """Note in a leg's folder which pages its title model has read."""
    with atomic_writer(folder / _PAGES) as file:
        np.save(file, passages.columns().lookup["hash"])


def kept_start(index: Path, work: Path, base: Model, passages: PassageStore) -> Start:
    """The title model of the version in use of an index.

    Its files are kept in the folder `work` at the first call, and are what later calls find: a training that
    is killed goes on from where it began, whichever version is in use by then.

    Args:
        index: the index folder.
        base: the model that `passages` get titles from.

    Raises:
        IndexNotReady: no version is in use there, or it was built without CorpusBrain.
        IndexCorrupt: damaged files, or a title model of another base model; names both.
    """
    target = work / "start"
    kept = finished(target)
    if kept is None:
        with Index.open(index, verify="sizes") as opened, finishing(target, {}) as data:
            _check_base(opened, base)
            leg = opened.folder_of(LEG)
            names = [_PAGES, *(f"{NETWORK}/{file.name}" for file in (leg / NETWORK).glob("*"))]
            (data / NETWORK).mkdir()
            for name in names:
                link_or_copy(leg / name, data / name)
        kept = finished(target)
    if kept is None:
        raise IndexCorrupt(
            f"{target} is damaged.",
            hint=f"Remove the folder {work}, and run the same command again.",
            details={"path": str(target)},
        )
    read = np.load(kept.data / _PAGES)
    lookup = passages.columns().lookup
    known = np.zeros(passages.page_count, dtype=bool)
    known[lookup["page"]] = np.isin(lookup["hash"], read)
    return Start(kept.data / NETWORK, known, digest_files([kept.data / name for name in kept.files]))


def _check_base(opened: Index, base: Model) -> None:
    built = opened.entry(LEG).model
    if built is not None:
        base.check_is(
            built.name,
            built.weights_hash,
            built.tokenizer_hash,
            made=f"The leg {LEG!r} of version {opened.version} in {opened.folder} was built with the model",
            hint="Name that model, or build without going on from it (corpusbrain.start=none).",
        )
