"""The loss of a title model: cross-entropy of the right child at every fork of the title tree."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from skerry.retrieval.corpusbrain.model.network import TitleNetwork
from skerry.retrieval.corpusbrain.training.targets import Targets

_WIDE = 1024
"""Candidates from which on a product with every token takes less memory and time than a vector of each."""


def title_loss(
    network: TitleNetwork,
    ids: Tensor,
    mask: Tensor,
    targets: Targets,
    root: Tensor,
    smoothing: float,
) -> Tensor:
    """The summed cross-entropy of all forks, in nats.

    Args:
        ids, mask: the sources, int64 and bool (n, L).
        targets: of the same n rows.
        root: int64 (k,), the root's children, and behind them the stop token where sequences end with it.
        smoothing: label smoothing of the choice of a title's first token.
    """
    states = network.read(ids, mask)
    seen = torch.cat([mask.new_ones(len(mask), 1), mask], 1)
    hidden, _ = network.decode(torch.from_numpy(targets.tokens), network.memory(states), seen)
    loss = hidden.new_zeros(())
    if len(targets.first_rows):
        starts = hidden[torch.from_numpy(targets.first_rows), torch.from_numpy(targets.first_places)]
        logits = network.scores_of_all(starts, root)
        chosen = torch.from_numpy(targets.first_choices)
        loss = loss + functional.cross_entropy(logits, chosen, reduction="sum", label_smoothing=smoothing)
    if len(targets.rows):
        at_forks = hidden[torch.from_numpy(targets.rows), torch.from_numpy(targets.places)]
        logits = _fork_scores(network, at_forks, torch.from_numpy(targets.candidates))
        loss = loss + functional.cross_entropy(logits, torch.from_numpy(targets.choices), reduction="sum")
    return loss


def _fork_scores(network: TitleNetwork, states: Tensor, candidates: Tensor) -> Tensor:
    tokens = candidates.clamp(min=0)
    if tokens.shape[1] > _WIDE:
        scores = network.scores_of_all(states, torch.arange(len(network.embedding))).gather(1, tokens)
    else:
        scores = network.scores(states, tokens)
    return scores.masked_fill(candidates < 0, -torch.inf)
