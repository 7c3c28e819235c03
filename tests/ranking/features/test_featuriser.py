"""Requests to batches, against loops over words."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skerry.core.errors import InvalidInput
from skerry.ranking.base import Candidate, RankRequest
from skerry.ranking.features.batch import Fields
from skerry.ranking.interpolation import rank_prior

from ..words import featuriser, idf, request, word_vectors  # noqa: TID252 -- the room's own words

ALL = Fields(6, 30, vectors=True, exact=True, idf=True)


def test_as_a_loop_over_words() -> None:
    made = featuriser(ALL)
    asked = [request(1, 4), request(2, 0), request(3, 3, query=9)]
    batch = made.batch(made.encode(asked))
    vectors, rarities = word_vectors(), idf()
    # The query without candidates has no row anywhere.
    assert batch.query_ids.shape == (2, 6)
    assert batch.owner.tolist() == [0, 0, 0, 0, 1, 1, 1]
    row = 0
    for number, one in enumerate([asked[0], asked[2]]):
        query = one.query.split()[:6]
        assert batch.query_ids[number].tolist() == [*vectors.numbers(query), *[0] * (6 - len(query))]
        assert batch.query_mask[number].sum() == len(query)
        assert torch.equal(batch.query_idf[number], rarities.of(batch.query_ids[number]))
        for place, candidate in enumerate(one.candidates):
            words = candidate.text.split()[:30]
            assert batch.document_ids[row, : len(words)].tolist() == vectors.numbers(words)
            assert batch.document_mask[row].sum() == batch.lengths[row] == len(words)
            assert torch.equal(batch.document_vectors[row], vectors.vectors(batch.document_ids[row]))
            for i, mine in enumerate(query):
                for j in range(batch.exact.shape[2]):
                    assert bool(batch.exact[row, i, j]) == (j < len(words) and words[j] == mine)
            assert batch.prior[row] == rank_prior([c.first_stage_score for c in one.candidates])[place]
            row += 1


def test_a_title_stands_before_its_text() -> None:
    made = featuriser(ALL)
    assert made.document("w1 w2", "w3") == made.document("", "w1 w2. w3") == [2, 3, 4]


def test_what_is_not_declared_is_empty() -> None:
    made = featuriser(Fields(6, 30, vectors=False))
    batch = made.batch(made.encode([request(1, 4)]))
    assert batch.exact.numel() == batch.query_idf.numel() == batch.document_vectors.numel() == 0
    assert batch.query_vectors.numel() == 0


@pytest.mark.parametrize("batch_terms", [1, 60, 200, 10**6])
def test_batches_have_every_row_once(batch_terms: int) -> None:
    made = featuriser(ALL)
    encoded = made.encode([request(seed, 7) for seed in range(4)])
    whole = made.batch(encoded)
    seen: list[int] = []
    longest = 31
    for rows, batch in made.batches(encoded, batch_terms):
        assert len(rows) == 1 or batch.document_ids.numel() <= batch_terms
        width = batch.document_ids.shape[1]
        assert width <= longest
        longest = width
        assert torch.equal(batch.document_ids, whole.document_ids[rows, :width])
        queries = batch.a_row(batch.query_ids)
        assert torch.equal(queries, whole.a_row(whole.query_ids)[rows, : queries.shape[1]])
        assert torch.equal(batch.prior, whole.prior[rows])
        seen += rows.tolist()
    assert sorted(seen) == list(range(28))


def test_nothing_to_read() -> None:
    made = featuriser(ALL)
    assert list(made.batches(made.encode([]))) == []
    assert list(made.batches(made.encode([RankRequest("w1", ())]))) == []
    empty = made.batch(made.encode([RankRequest("", (Candidate("", ""), Candidate("", "...")))]))
    assert empty.document_mask.shape == (2, 1)
    assert not empty.document_mask.any()
    assert not empty.query_mask.any()
    assert not empty.exact.any()


def test_equal_unknown_words_match_and_others_do_not() -> None:
    made = featuriser(ALL)
    batch = made.batch(made.encode([RankRequest("zyx", (Candidate("", "zyx zyw w1"),))]))
    assert batch.exact[0].tolist() == [[True, False, False]]
    np.testing.assert_array_equal(batch.query_idf.numpy(), [[5.0]])


def test_invalid_unicode() -> None:
    made = featuriser(ALL)
    for asked in (RankRequest("\ud800", ()), RankRequest("x", (Candidate("\ud800", "x"),))):
        with pytest.raises(InvalidInput, match="Unicode"):
            made.encode([asked])
