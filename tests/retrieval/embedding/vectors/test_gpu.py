"""The card: what goes there, where there is one; and that nothing does where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from skerry.retrieval.embedding.faiss_library import faiss
from skerry.retrieval.embedding.gpu import OnCard, fits_card
from skerry.retrieval.embedding.hnsw import empty_hnsw
from skerry.retrieval.embedding.ivf import empty_ivf, ivf_parameters

from .clusters import WIDTH, brute_force, recall

needs_card = pytest.mark.skipif(
    faiss.get_num_gpus() == 0, reason="faiss finds no graphics card (faiss-gpu, on a machine with one)"
)


@pytest.mark.skipif(faiss.get_num_gpus() > 0, reason="there is a card")
def test_nothing_fits_without_a_card() -> None:
    assert not fits_card(faiss.IndexFlatIP(WIDTH))


@needs_card
def test_what_fits_a_card() -> None:
    assert fits_card(faiss.IndexFlatIP(WIDTH))
    assert fits_card(empty_ivf(WIDTH, "int8", 4))
    assert not fits_card(empty_hnsw(WIDTH, "fp32", 8, 40))


@needs_card
@pytest.mark.parametrize("limit", [10, 2500])
def test_a_card_finds_what_the_processor_finds(
    limit: int, vectors: NDArray[np.float32], queries: NDArray[np.float32]
) -> None:
    flat, lists = faiss.IndexFlatIP(WIDTH), empty_ivf(WIDTH, "fp32", 16)
    lists.train(vectors)
    _, wanted = brute_force(vectors, queries, limit)
    for index, parameters in ((flat, None), (lists, ivf_parameters(16, 16))):
        index.add(vectors)
        scores, rows = OnCard(index).search(queries, limit, params=parameters)
        assert recall(rows, wanted) >= 0.99
        assert (scores[:, :-1] >= scores[:, 1:]).all()
