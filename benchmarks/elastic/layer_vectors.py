"""Vectors of all passages after several layers of an encoder: in files, and made by a run that may be killed.

In the folder stands, for every encoder and every corpus, a folder of their own with `layer-N.npy`, float16 of
shape (passages, width), and `done.json`, which says how many rows of each are made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
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
from skerry.retrieval.embedding.passage_text import passage_text
from skerry.retrieval.index.manifest import canonical_json

_FORMAT = 1
_BLOCK = 1024
_ABOUT, _DONE, _LOCK = "about.json", "done.json", "lock"


def layer_vectors(
    out: Path,
    encoder: SentenceEncoder,
    identity: Mapping[str, str],
    passages: PassageStore,
    layers: Sequence[int],
    progress: Progress,
) -> dict[int, NDArray[np.float16]]:
    """Unit vectors of all passages, titles before their texts, by layer: mapped, of shape (n, width).

    The network runs once, to the deepest layer that is not in the files yet.

    Args:
        out: folder of the folders.
        identity: of the encoder: all that its vectors depend on.
        layers: that are wanted.

    Raises:
        AlreadyExists: another process is at the same work.
        IndexCorrupt: a file that is not the one that was written.
        BackendUnavailable: they cannot be written.
    """
    about: dict[str, Any] = {"format": _FORMAT, **identity, "passages": passages.digest()}
    folder = out / hashlib.sha256(canonical_json(about)).hexdigest()[:16]
    shape = (len(passages), encoder.dimensions)
    with naming_full_disk(out):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / _ABOUT, json.dumps(about, indent=2).encode() + b"\n")
    with (folder / _LOCK).open("wb") as lock:
        lock_for_writing(lock.fileno(), folder)
        done = _rows_done(folder)
        left = [layer for layer in layers if done.get(layer, 0) < shape[0]]
        if left:
            files = {layer: _open(folder, layer, shape, done) for layer in left}
            _encode(folder, encoder, passages, files, done, progress)
    return {layer: _map(_path(folder, layer), shape, "r") for layer in layers}


def _encode(
    folder: Path,
    encoder: SentenceEncoder,
    passages: PassageStore,
    files: Mapping[int, NDArray[np.float16]],
    done: dict[int, int],
    progress: Progress,
) -> None:
    start = min(done[layer] for layer in files)
    with progress.task("encode", len(passages) - start, "passages") as task:
        for low in range(start, len(passages), _BLOCK):
            high = min(low + _BLOCK, len(passages))
            texts = [passage_text(title, text) for title, _, text in passages.texts(low, high)]
            vectors = encoder.encode_layers(texts, list(files))
            with naming_full_disk(folder):
                for layer, file in files.items():
                    file[low:high] = vectors[layer]
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
