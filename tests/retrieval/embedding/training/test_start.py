"""The closed form that exits start from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from skerry.retrieval.embedding.exits import Exits
from skerry.retrieval.embedding.training.start import spread, start_importance, start_maps

GENERATOR = torch.Generator().manual_seed(0)


def test_rare_words_weigh_more_but_for_the_whole_network() -> None:
    # The first dimension tells how frequent a word is, the others say nothing.
    documents = np.array([0] + [2**n for n in range(10)] * 20)
    embeddings = torch.randn(len(documents), 6, generator=GENERATOR)
    embeddings[:, 0] = torch.log(torch.log(1025 / (torch.from_numpy(documents) + 0.5)))
    embeddings[0, 0] = 1e6  # in no text: its embedding counts for nothing
    exits = Exits(3, 6)
    start_importance(exits, embeddings, documents, 1024)
    wanted = torch.tensor([1.0, 0, 0, 0, 0, 0])
    for found in (exits.lexical, exits.by_word[0], exits.by_word[1]):
        torch.testing.assert_close(found, wanted, atol=0.05, rtol=0)
    assert not exits.by_word[2].any() and not exits.by_state.any()


def test_maps_lead_to_one_space_with_the_strongest_dimensions_first() -> None:
    lexical = normalize(torch.randn(500, 8, generator=GENERATOR), dim=1)
    last = normalize(torch.randn(500, 8, generator=GENERATOR) * torch.arange(1, 9), dim=1)
    mixed = normalize(last @ torch.randn(8, 8, generator=GENERATOR), dim=1)
    exits = Exits(2, 8)
    start_maps(exits, lexical, [mixed, last])
    with torch.no_grad():
        early, whole = (
            pooled @ exits.state_map[n].T + lexical @ exits.word_map[n].T + exits.bias[n]
            for n, pooled in enumerate((mixed, last))
        )
    strength = (whole**2).mean(0)
    assert (strength.diff() <= 1e-6).all() and strength[0] > 2 * strength[-1]
    # Nearly all of the whole space is kept: cosines are those of the states and a share of the words.
    joined = normalize(torch.cat([last, 0.4 * lexical], 1), dim=1)
    kept = normalize(whole, dim=1)
    assert np.corrcoef((joined @ joined.T).flatten(), (kept @ kept.T).flatten())[0, 1] > 0.97
    # The early states are a map of the last ones, up to lengths.
    assert torch.cosine_similarity(early, whole).mean() > 0.9


@pytest.mark.parametrize("layers", [1, 2])
def test_a_network_of_few_layers(layers: int) -> None:
    exits = Exits(layers, 8)
    start_importance(exits, torch.randn(5, 8, generator=GENERATOR), np.array([1, 2, 3, 0, 1]), 3)
    pooled = [normalize(torch.randn(9, 8, generator=GENERATOR), dim=1) for _ in range(layers)]
    start_maps(exits, pooled[0], pooled)
    assert all(parameter.isfinite().all() for parameter in exits.parameters())


@pytest.mark.parametrize(
    ("layers", "early"),
    [
        (2, (1,)),
        (3, (1, 3)),
        (4, (1, 4, 4)),
        (6, (1, 3, 6, 6, 6)),
        (12, (1, 3, 5, 7, 10, 12, *[12] * 5)),
    ],
)
def test_half_of_the_layers_spread_over_the_model(layers: int, early: tuple[int, ...]) -> None:
    assert spread(layers) == early
