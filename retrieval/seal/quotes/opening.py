"""The finder of quotes of an opened index."""

from __future__ import annotations

from pathlib import Path

from skerry.core.errors import IndexCorrupt
from skerry.retrieval.index.reader import Index
from skerry.retrieval.seal import fm_index
from skerry.retrieval.seal.leg import INDEX_FILE
from skerry.retrieval.seal.quotes.finder import MOST_PLACES, SealQuoteFinder
from skerry.retrieval.seal.vocabulary import Vocabulary


def open_quotes(index: Index, most_places: int = MOST_PLACES) -> SealQuoteFinder:
    """The finder over an index that has the leg "seal": opens its file and its tokenizer, no language model.

    Args:
        index: it must stay open for as long as the finder is used.
        most_places: places of a quote, each in another passage, at least 0.

    Raises:
        IndexNotReady: the index was built without that leg.
        NotFound: the leg's model is not on this machine.
        IndexCorrupt: the leg's file is damaged or of other passages; its model is not the one it was built
            with.
    """
    folder, model = index.files_of("seal")
    path = folder / INDEX_FILE
    if model is None:
        raise _corrupt(path, "its manifest names no language model")
    opened = fm_index.open(path)
    if opened.passages != len(index.passages):
        raise _corrupt(path, f"it has {opened.passages} passages, the passage store {len(index.passages)}")
    return SealQuoteFinder(opened, index.passages, Vocabulary.load(model), most_places)


def _corrupt(path: Path, why: str) -> IndexCorrupt:
    return IndexCorrupt(
        f"The SEAL index {path} cannot be used: {why}.",
        hint="Build the index again.",
        details={"path": str(path)},
    )
