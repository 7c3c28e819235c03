"""Inverse document frequencies against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from skerry.ranking.features.idf import count_idf, restore

from ..words import KNOWN, word_vectors  # noqa: TID252 -- the room's own words

# Of nine passages, word 1 is in all and twice in one, word 2 in five, word 3 in four, and 999 is unknown.
PASSAGES = [[1, 1, 2], [1, 2], [1, 2], [1, 2], [1, 2, 3], [1, 3], [1, 3], [1, 3, 999], [1]]


def test_by_hand() -> None:
    idf = count_idf(PASSAGES, len(KNOWN))
    found = idf.of(torch.tensor([[1, 2, 3], [4, 999, 0]]))
    rare = math.log(10 / 2)
    expected = torch.tensor([[math.log(10 / 10), math.log(10 / 6), rare], [rare, rare, 0]])
    assert torch.allclose(found, expected, atol=1e-3)
    assert idf.rare == pytest.approx(rare)


def test_saved_and_restored() -> None:
    idf = count_idf(PASSAGES, len(KNOWN))
    tensors = idf.tensors()
    assert tensors["idf.rows"].tolist() == [1, 2]
    again = restore(tensors, idf.rare, word_vectors())
    assert torch.equal(again.table, idf.table)
    assert again.rare == idf.rare


def test_no_passages() -> None:
    idf = count_idf([], len(KNOWN))
    assert torch.isfinite(idf.of(torch.arange(60))).all()
    assert torch.equal(restore(idf.tensors(), idf.rare, word_vectors()).table, idf.table)
