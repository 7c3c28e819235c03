"""How rare words are in a corpus: idf(w) = log((N + 1) / (df(w) + 1)), N passages, df of them with w.

Only words in at least `_LEAST` passages are kept, the others and all that are unknown count as words that
one passage has: idf is then small enough to lie beside every ranker.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from skerry.ranking.features.vectors import WordVectors

_LEAST = 5
ROWS, VALUES = "idf.rows", "idf.values"


@dataclass(frozen=True, slots=True)
class Idf:
    """Inverse document frequencies by the number of a word.

    Attributes:
        table: float32 of shape (1 + known words,); 0 for padding.
        rare: of every number beyond the table.
    """

    table: Tensor
    rare: float

    @classmethod
    def none(cls) -> Self:
        """For models that do not ask for it."""
        return cls(torch.zeros(1), 0.0)

    def of(self, numbers: Tensor) -> Tensor:
        """int64 of shape (...) to float32 of the same shape."""
        inside = numbers < len(self.table)
        values = self.table[torch.where(inside, numbers, 0)]
        return torch.where(inside, values, self.rare)

    def tensors(self) -> dict[str, Tensor]:
        """What `restore` makes the same table of: the words that are not rare, float16."""
        rows = torch.nonzero(self.table != self.rare).squeeze(1)
        rows = rows[rows > 0]
        return {ROWS: rows.to(torch.int32), VALUES: self.table[rows].to(torch.float16)}


def count_idf(texts: Iterable[Sequence[int]], known: int) -> Idf:
    """Of a corpus's passages as numbers of words, known ones from 1 to `known`."""
    found = torch.zeros(known + 1, dtype=torch.int64)
    passages = 0
    for numbers in texts:
        passages += 1
        different = [number for number in set(numbers) if number <= known]
        found[different] += 1
    values = torch.log((passages + 1) / (found + 1.0))
    rare = math.log((passages + 1) / 2)
    # Rounded as they are stored, so that a ranker is the same before and after it was saved.
    values = torch.where(found >= _LEAST, values.to(torch.float16).float(), rare)
    values[0] = 0
    return Idf(values.float(), rare)


def restore(tensors: Mapping[str, Tensor], rare: float, vectors: WordVectors) -> Idf:
    """The table that `Idf.tensors` was taken from.

    Raises:
        KeyError, IndexError: tensors that belong to another vocabulary.
    """
    table = torch.full((vectors.known + 1,), rare)
    table[0] = 0
    table[tensors[ROWS].long()] = tensors[VALUES].float()
    return Idf(table, rare)
