"""How few pairs of query and key hold most of the attention, if the best are known."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from skerry.benchmarks.attention.tensors import LayerTensors
from skerry.generation.attention.grid import BLOCK
from skerry.generation.attention.last_queries import scores_of

_EVERY = 8
"""Of so many blocks of queries one is looked at, the last one first."""


@dataclass(frozen=True, slots=True)
class Fewest:
    """Attributes:
    length: tokens of the prompt.
    target: share of the softmax's mass, over all queries, heads and layers together.
    keys: share of the causal pairs that hold it where every 128 queries choose single keys.
    blocks: the same where they choose blocks of 128 keys.
    """

    length: int
    target: float
    keys: float
    blocks: float


def fewest(layers: list[LayerTensors], target: float = 0.95) -> Fewest:
    """Of tensors of one length, at least 128 tokens; only whole blocks of queries are looked at."""
    of_keys: list[torch.Tensor] = []
    queries = 0
    for one in layers:
        last = one.queries.shape[1] // BLOCK * BLOCK - BLOCK
        for begin in range(last, -1, -_EVERY * BLOCK):
            end = begin + BLOCK
            scores = scores_of(one.queries[:, begin:end], one.keys[:, :end], one.scale)
            scores[:, :, begin:].masked_fill_(torch.ones(BLOCK, BLOCK).triu(1).bool(), -torch.inf)
            of_keys += scores.softmax(-1).sum(1).unbind(0)
            queries += len(scores) * BLOCK
    of_blocks = [mass.view(-1, BLOCK).sum(1) for mass in of_keys]
    return Fewest(
        layers[0].queries.shape[1],
        target,
        _share(torch.cat(of_keys), target * queries),
        _share(torch.cat(of_blocks), target * queries),
    )


def _share(masses: torch.Tensor, target: float) -> float:
    """Share of the entries, the largest first, that sum to the target."""
    sums = masses.double().sort(descending=True).values.cumsum(0)
    return float((sums < target).sum() + 1) / len(masses)
