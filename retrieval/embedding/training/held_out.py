"""How well each size of an encoder finds the passages of held-out questions."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from skerry.retrieval.embedding.training.examples import Example


@dataclass(frozen=True, slots=True)
class PairScores:
    """Shares of the questions with evidence among the first one and the first five passages found."""

    layers: int
    dimensions: int
    hit_at_1: float
    hit_at_5: float


def candidates(examples: Sequence[Example], passages: int, others: int, seed: int) -> NDArray[np.int64]:
    """Ordinals to search among, ascending: the questions' evidence and hard negatives, and `others` drawn.

    Args:
        passages: in the index.
    """
    near = {ordinal for example in examples for ordinal in (*example.relevant, *example.negatives)}
    drawn = random.Random(seed).sample(range(passages), min(others, passages))
    return np.array(sorted(near | set(drawn)), np.int64)


def pair_scores(
    examples: Sequence[Example],
    ordinals: NDArray[np.int64],
    questions: Sequence[Tensor],
    passages: Sequence[Tensor],
    pairs: Sequence[tuple[int, int]],
) -> list[PairScores]:
    """The scores of each (layers, dimensions) pair.

    Args:
        ordinals: of the passages, int64 of shape (n,).
        questions, passages: pooled states after each layer, of shapes (len(examples), width), (n, width).
    """
    relevant = np.array([np.isin(ordinals, list(example.relevant)) for example in examples])
    results = []
    for layers, width in pairs:
        left = normalize(questions[layers - 1][:, :width], dim=1)
        right = normalize(passages[layers - 1][:, :width], dim=1)
        best = (left @ right.T).topk(min(5, len(ordinals)), dim=1).indices.cpu().numpy()
        hits = np.take_along_axis(relevant, best, axis=1)
        results.append(PairScores(layers, width, float(hits[:, 0].mean()), float(hits.any(axis=1).mean())))
    return results
