"""A passage's score beside the slow version: the best of its vectors' scores."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from skerry.retrieval.embedding.training.max_p import MaxP


@given(counts=st.lists(st.integers(1, 6), min_size=1, max_size=12), seed=st.integers(0, 1000))
def test_the_best_of_each_passages_vectors(counts: list[int], seed: int) -> None:
    scores = np.random.default_rng(seed).normal(size=(3, sum(counts)))
    bank = MaxP(np.array(counts, np.int64))
    assert sorted(bank.rows.tolist()) == list(range(sum(counts)))
    found = bank.best(torch.from_numpy(scores[:, bank.rows])).numpy()[:, bank.columns]
    ends = np.cumsum(counts)
    for passage, (count, end) in enumerate(zip(counts, ends, strict=True)):
        np.testing.assert_array_equal(found[:, passage], scores[:, end - count : end].max(axis=1))


def test_only_the_best_vector_learns() -> None:
    scores = torch.tensor([[1.0, 5.0, 2.0]], requires_grad=True)
    bank = MaxP(np.array([3]))
    bank.best(scores[:, bank.rows]).sum().backward()  # type: ignore[no-untyped-call]
    assert scores.grad is not None and scores.grad.tolist() == [[0.0, 1.0, 0.0]]
