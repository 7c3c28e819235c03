"""Word vectors to `vectors.safetensors` and `vocab.txt`.

The tensor "vectors" is float32 of shape (words, dimensions); line i of vocab.txt (UTF-8, ended by a line
feed; a word may hold any other kind of white space) is the word of row i.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import BackendUnavailable, IndexCorrupt
from skerry.core.files import naming_full_disk
from skerry.core.models.convert.writing import writing_tensors


def convert_array(raw: Path, out: Path) -> None:
    """From a `*_emb.npy` matrix and a `*_index.parquet` column of words in the same order.

    Raises:
        BackendUnavailable: pyarrow, which reads the words, is not installed.
    """
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise BackendUnavailable(
            "The words of the GloVe wheel are a Parquet file, and pyarrow is not installed.",
            hint="Run `pip install pyarrow`, or pull from a folder that has glove.6B.50d.txt.",
            details={"package": "pyarrow"},
        ) from error
    matrix = np.load(next(raw.glob("*_emb.npy")), allow_pickle=False)
    words = parquet.read_table(next(raw.glob("*_index.parquet"))).column(0).to_pylist()
    _write(words, matrix, out)


def convert_text(raw: Path, out: Path) -> None:
    """From the text file of the original release: a word and its numbers a line."""
    file = next(raw.glob("glove*.txt"))
    words: list[str] = []
    rows: list[NDArray[np.float32]] = []
    with file.open(encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            word, _, values = line.rstrip("\n").partition(" ")
            try:
                row = np.array(values.split(" "), dtype=np.float32)
            except ValueError as error:
                raise IndexCorrupt(f"{file}:{number} has something else than numbers: {error}.") from error
            if rows and row.size != rows[0].size:
                raise IndexCorrupt(f"{file}:{number} has {row.size} numbers, not {rows[0].size} as before.")
            words.append(word)
            rows.append(row)
    if not rows:
        raise IndexCorrupt(f"{file} is empty.")
    _write(words, np.stack(rows), out)


def _write(words: list[str], matrix: NDArray[np.float32], out: Path) -> None:
    from safetensors.numpy import save_file

    if matrix.ndim != 2 or len(words) != matrix.shape[0]:
        raise IndexCorrupt(f"{len(words)} words and a matrix of shape {matrix.shape} do not belong together.")
    path = out / "vectors.safetensors"
    with writing_tensors(path):
        save_file({"vectors": np.ascontiguousarray(matrix, dtype=np.float32)}, str(path))
    with naming_full_disk(out):
        (out / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8", newline="\n")
