"""CoSENT (Su 2022): cosines of sentence pairs in the order of their graded similarities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity


@dataclass(frozen=True, slots=True)
class SimilarPair:
    """Two sentences and how similar they are: a number that only its order counts of."""

    first: str
    second: str
    score: float


def cosent(cosines: Tensor, similarity: Tensor, scale: float) -> Tensor:
    """log(1 + sum of exp(scale (cosines[j] - cosines[i])) over all i more similar than j), a scalar.

    Args:
        cosines, similarity: float32 of shape (n,).
    """
    differences = scale * (cosines[None, :] - cosines[:, None])
    ordered = similarity[:, None] > similarity[None, :]
    return torch.cat([differences[ordered], differences.new_zeros(1)]).logsumexp(0)


def elastic_cosent(
    first: Sequence[Tensor],
    second: Sequence[Tensor],
    similarity: Tensor,
    pairs: Sequence[tuple[int, int]],
    scale: float,
) -> Tensor:
    """Mean over the (layers, dimensions) pairs of `cosent`.

    Args:
        first, second: pooled states after each layer, first to last: float32 of shape (n, width).
        similarity: float32 of shape (n,).
    """
    losses = [
        cosent(
            cosine_similarity(first[layers - 1][:, :width], second[layers - 1][:, :width]), similarity, scale
        )
        for layers, width in pairs
    ]
    return torch.stack(losses).mean()
