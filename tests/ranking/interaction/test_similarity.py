"""Similarity matrices, against values worked out by hand."""

from __future__ import annotations

import torch

from skerry.ranking.base import Candidate, RankRequest
from skerry.ranking.features.batch import Fields
from skerry.ranking.interaction.similarity import cosine_matrix, word_similarity

from ..words import featuriser  # noqa: TID252 -- the room's own words


def test_by_hand() -> None:
    query = torch.tensor([[[1.0, 0.0], [3.0, 4.0], [9.0, 9.0]]])
    document = torch.tensor([[[2.0, 0.0], [0.0, -5.0]]])
    mask = torch.tensor([[[True, True], [True, True], [False, False]]])
    found = cosine_matrix(query, document, mask)
    assert torch.allclose(found, torch.tensor([[[1.0, 0.0], [0.6, -0.8], [0.0, 0.0]]]))


def test_exact_matches_of_vectors_that_say_nothing() -> None:
    nothing = torch.zeros(1, 2, 3)
    exact = torch.tensor([[[True, False], [False, True]]])
    mask = torch.ones(1, 2, 2, dtype=torch.bool)
    assert torch.equal(cosine_matrix(nothing, nothing, mask, exact), exact.float())
    mask[0, 1, 1] = False
    assert cosine_matrix(nothing, nothing, mask, exact)[0, 1, 1] == 0


def test_unknown_words_match_themselves() -> None:
    made = featuriser(Fields(4, 4, exact=True))
    asked = RankRequest("zyx w1", (Candidate("", "zyw zyx"), Candidate("", "w1")))
    found = word_similarity(made.batch(made.encode([asked])))
    assert found[0, 0, 1] == 1
    assert abs(found[0, 0, 0]) < 0.999
    assert found[1, 1, 0] == 1
    assert found[1, :, 1].eq(0).all()
