"""Hits of held-out questions beside a slow search."""

from __future__ import annotations

import numpy as np
import torch

from skerry.retrieval.embedding.training.examples import Example
from skerry.retrieval.embedding.training.held_out import candidates, pair_scores


def example(positive: int, *others: int, negatives: tuple[int, ...] = ()) -> Example:
    return Example("?", positive, frozenset({positive, *others}), negatives)


def test_candidates_are_evidence_negatives_and_others() -> None:
    found = candidates([example(5, 6, negatives=(9,)), example(7)], 1000, 20, 0)
    assert {5, 6, 7, 9} <= set(found.tolist())
    assert 20 <= len(found) <= 24
    assert found.tolist() == sorted(set(found.tolist()))
    assert candidates([example(1)], 3, 20, 0).tolist() == [0, 1, 2]
    assert candidates([example(5)], 1000, 20, 1).tolist() != candidates([example(5)], 1000, 20, 2).tolist()


def test_hits_are_those_of_a_slow_search() -> None:
    rng = np.random.default_rng(0)
    ordinals = np.arange(10, 30)
    examples = [example(int(rng.integers(10, 30)), int(rng.integers(10, 30))) for _ in range(40)]
    questions, passages = (
        [torch.from_numpy(rng.normal(size=(count, 6)).astype(np.float32)) for _ in range(2)]
        for count in (len(examples), len(ordinals))
    )
    pairs = [(1, 3), (2, 6)]
    for (layers, width), found in zip(
        pairs, pair_scores(examples, ordinals, questions, passages, pairs), strict=True
    ):
        first = five = 0
        for row, one in enumerate(examples):
            asked = questions[layers - 1][row, :width].numpy()
            cosines = [
                asked @ passage / np.linalg.norm(asked) / np.linalg.norm(passage)
                for passage in passages[layers - 1][:, :width].numpy()
            ]
            best = [int(ordinals[place]) for place in np.argsort(cosines)[::-1][:5]]
            first += best[0] in one.relevant
            five += any(ordinal in one.relevant for ordinal in best)
        assert (found.layers, found.dimensions) == (layers, width)
        assert (found.hit_at_1, found.hit_at_5) == (first / 40, five / 40)
        assert found.hit_at_1 < found.hit_at_5


def test_fewer_passages_than_five() -> None:
    states = [torch.eye(3)]
    found = pair_scores([example(0), example(1), example(2)], np.arange(3), states, states, [(1, 3)])
    assert (found[0].hit_at_1, found[0].hit_at_5) == (1, 1)
