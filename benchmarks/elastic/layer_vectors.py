"""Vectors of all passages after several layers of an encoder: in files, and made by a run that may be killed.

In the folder stands, for every encoder and every corpus, with one vector a passage or several, a folder of
their own with `layer-N.npy`, float16 of shape (rows, width), and `done.json`, which says of how many passages
each is made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from skerry.core.errors import IndexCorrupt
from skerry.core.files import naming_full_disk, write_atomically
from skerry.core.progress import Progress
from skerry.evaluation.resuming import lock_for_writing
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.embedding.encoder import SentenceEncoder
from skerry.retrieval.embedding.passage_text import passage_text, text_begin
from skerry.retrieval.embedding.starts import starts_of
from skerry.retrieval.index.manifest import canonical_json

_FORMAT = 1
_BLOCK = 1024
_ABOUT, _DONE, _LOCK = "about.json", "done.json", "lock"


@dataclass(frozen=True, slots=True)
class LayerVectors:
    """Unit vectors of all passages, titles before their texts.

    Attributes:
        layers: by layer, mapped, float16 of shape (rows, width).
        starts: passage p has rows [starts[p], starts[p + 1]), the first of which is that of the whole: int64
            of shape (passages + 1,); None where row p is passage p's only one.
    """

    layers: Mapping[int, NDArray[np.float16]]
    starts: NDArray[np.int64] | None

    def whole(self, layer: int) -> NDArray[np.float16]:
        """One vector a passage, that of the whole: float16 of shape (passages, width)."""
        rows = self.layers[layer]
        return rows if self.starts is None else rows[self.starts[:-1]]


def layer_vectors(
    out: Path,
    encoder: SentenceEncoder,
    identity: Mapping[str, str],
    passages: PassageStore,
    layers: Sequence[int],
    progress: Progress,
    stretches: bool = False,
) -> LayerVectors:
    """The vectors of all passages after these layers.

    The network runs once, to the deepest layer that is not in the files yet.

    Args:
        out: folder of the folders.
        identity: of the encoder: all that its vectors depend on.
        layers: that are wanted.
        stretches: vectors of passages' stretches too.

    Raises:
        AlreadyExists: another process is at the same work.
        IndexCorrupt: a file that is not the one that was written.
        BackendUnavailable: they cannot be written.
    """
    about: dict[str, Any] = {"format": _FORMAT, **identity, "passages": passages.digest()}
    about |= {"vectors": "stretches"} if stretches else {}
    folder = out / hashlib.sha256(canonical_json(about)).hexdigest()[:16]
    starts = _starts(encoder, passages) if stretches else None
    shape = (len(passages) if starts is None else int(starts[-1]), encoder.dimensions)
    with naming_full_disk(out):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / _ABOUT, json.dumps(about, indent=2).encode() + b"\n")
    with (folder / _LOCK).open("wb") as lock:
        lock_for_writing(lock.fileno(), folder)
        done = _rows_done(folder)
        left = [layer for layer in layers if done.get(layer, 0) < len(passages)]
        if left:
            files = {layer: _open(folder, layer, shape, done) for layer in left}
            _encode(folder, encoder, passages, starts, files, done, progress)
    return LayerVectors({layer: _map(_path(folder, layer), shape, "r") for layer in layers}, starts)


def _starts(encoder: SentenceEncoder, passages: PassageStore) -> NDArray[np.int64]:
    counts = []
    for low in range(0, len(passages), _BLOCK):
        texts, begins = _texts(passages, low, min(low + _BLOCK, len(passages)))
        counts.append(np.diff(encoder.starts(texts, begins)))
    return starts_of(counts)


def _texts(passages: PassageStore, low: int, high: int) -> tuple[list[str], list[int]]:
    """What is encoded of the passages [low, high), and where behind the title each begins."""
    given = [(title, text) for title, _, text in passages.texts(low, high)]
    return [passage_text(*one) for one in given], [text_begin(title) for title, _ in given]


def _encode(
    folder: Path,
    encoder: SentenceEncoder,
    passages: PassageStore,
    starts: NDArray[np.int64] | None,
    files: Mapping[int, NDArray[np.float16]],
    done: dict[int, int],
    progress: Progress,
) -> None:
    start = min(done[layer] for layer in files)
    with progress.task("encode", len(passages) - start, "passages") as task:
        for low in range(start, len(passages), _BLOCK):
            high = min(low + _BLOCK, len(passages))
            texts, begins = _texts(passages, low, high)
            if starts is None:
                rows, vectors = slice(low, high), encoder.encode_layers(texts, list(files))
            else:
                rows = slice(int(starts[low]), int(starts[high]))
                vectors = dict(encoder.encode_stretches(texts, begins, list(files)).layers)
            with naming_full_disk(folder):
                for layer, file in files.items():
                    file[rows] = vectors[layer]
                    assert isinstance(file, np.memmap)
                    file.flush()
                    done[layer] = max(done[layer], high)
                write_atomically(folder / _DONE, json.dumps(done).encode())
            task.advance(high - low)


def _open(folder: Path, layer: int, shape: tuple[int, int], done: dict[int, int]) -> NDArray[np.float16]:
    """The file to go on with, or a new one."""
    path = _path(folder, layer)
    if done.get(layer) and path.is_file():
        return _map(path, shape, "r+")
    done[layer] = 0
    with naming_full_disk(folder):
        return open_memmap(path, "w+", np.float16, shape)


def _map(path: Path, shape: tuple[int, int], mode: str) -> NDArray[np.float16]:
    try:
        array: NDArray[np.float16] = open_memmap(path, mode)
        if array.shape != shape or array.dtype != np.float16:
            raise ValueError(f"it holds {array.dtype} of shape {array.shape}")
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error
    return array


def _rows_done(folder: Path) -> dict[int, int]:
    path = folder / _DONE
    if not path.is_file():
        return {}
    try:
        done = {int(layer): int(rows) for layer, rows in json.loads(path.read_bytes()).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise _damaged(path, error) from error
    return {layer: rows for layer, rows in done.items() if _path(folder, layer).is_file()}


def _path(folder: Path, layer: int) -> Path:
    return folder / f"layer-{layer}.npy"


def _damaged(path: Path, error: Exception) -> IndexCorrupt:
    return IndexCorrupt(
        f"{path} is damaged: {error}.",
        hint=f"Remove the folder {path.parent}; the next run makes it anew.",
        details={"path": str(path)},
    )
