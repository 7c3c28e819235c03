"""Word vectors by the numbers of words, frozen.

Number 0 is padding, 1 to n are the words that have a vector, and a word that has none gets a number beyond
them from its own letters: two unknown words are the same number only if they are the same word, with no
table to keep. Their vectors are drawn at random once and for ever, a few thousand for all of them, each as
long as the known ones are on average: an unknown word is like itself and like nothing else.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from skerry.core.errors import IndexCorrupt
from skerry.core.models.store import Model

PAD = 0
_UNKNOWN_VECTORS = 4096
_SEED = 20160

VECTORS, VOCABULARY = "vectors.safetensors", "vocab.txt"


class WordVectors:
    """A vocabulary with its vectors.

    Args:
        words: word -> row of `vectors`.
        vectors: float32 of shape (n, width).
    """

    def __init__(self, words: Mapping[str, int], vectors: Tensor) -> None:
        self._words = words
        self.known = len(vectors)
        self.width = int(vectors.shape[1])
        generator = torch.Generator().manual_seed(_SEED)
        drawn = torch.randn(_UNKNOWN_VECTORS, self.width, generator=generator)
        length = vectors.norm(dim=1).mean() if self.known else torch.ones(())
        self._table = torch.cat(
            [torch.zeros(1, self.width), vectors, torch.nn.functional.normalize(drawn, dim=1) * length]
        )

    def numbers(self, words: Sequence[str]) -> list[int]:
        """The number of each word, never 0."""
        find = self._words.get
        return [row + 1 if (row := find(word)) is not None else self._unknown(word) for word in words]

    def vectors(self, numbers: Tensor) -> Tensor:
        """Vectors of numbers: int64 of shape (...) to float32 of shape (..., width); padding has zeros."""
        first = self.known + 1
        rows = torch.where(numbers < first, numbers, first + (numbers - first) % _UNKNOWN_VECTORS)
        return torch.nn.functional.embedding(rows, self._table)

    def _unknown(self, word: str) -> int:
        return self.known + 1 + zlib.crc32(word.encode())


@lru_cache(maxsize=2)
def _load(folder: Path, weights_hash: str) -> WordVectors:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        words = (folder / VOCABULARY).read_text(encoding="utf-8").removesuffix("\n").split("\n")
        vectors = load_file(folder / VECTORS)["vectors"]
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise IndexCorrupt(
            f"The word vectors in {folder} cannot be read: {error}.",
            hint="They are vectors.safetensors and vocab.txt; fetch them with `skerry models pull`.",
            details={"path": str(folder)},
        ) from error
    if vectors.ndim != 2 or vectors.dtype != torch.float32 or len(vectors) != len(words):
        raise IndexCorrupt(
            f"{folder} has {len(words)} words and vectors of shape {tuple(vectors.shape)}, {vectors.dtype}: "
            "they do not belong together.",
            hint="Fetch them again with `skerry models pull`.",
            details={"path": str(folder)},
        )
    return WordVectors({word: row for row, word in enumerate(words)}, vectors)


def load_vectors(model: Model) -> WordVectors:
    """The word vectors of a model folder; the same object for every caller, it is never changed.

    Raises:
        IndexCorrupt: a folder without readable vectors and words.
    """
    return _load(model.folder, model.weights_hash)
