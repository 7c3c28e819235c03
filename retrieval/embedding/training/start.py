"""Where the training of exits starts: a closed form, from the untrained encoder's states alone.

Importances start as the logarithm of a word's inverse document frequency, which a regression reads off its
embedding. The shared space starts as the principal directions of the whole network's vectors with a share of
the words', and every early exit as the least-squares map into it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skerry.retrieval.embedding.exits import Exits

WORD_SHARE = 0.4
_RIDGE = 10.0
_MAP_RIDGE = 0.3


def start_importance(
    exits: Exits,
    embeddings: Tensor,
    documents: NDArray[np.int64],
    count: int,
    early: range | None = None,
) -> None:
    """Weight words by their rarity, but for the states of the whole network, which pools evenly.

    Args:
        embeddings: of all words, as the embedding layer gives them, float32 of shape (v, D).
        documents: how many texts each word is in, (v,).
        count: of texts.
        early: places of exits; then only their states are weighted.
    """
    device = embeddings.device
    seen = torch.from_numpy(np.flatnonzero(documents)).to(device)
    often = torch.from_numpy(documents).to(device).float()[seen]
    rarity = torch.log((count + 1) / (often + 0.5)).clamp(min=0.02).log()
    rows = torch.cat([embeddings[seen], torch.ones(len(seen), 1, device=device)], 1)
    # Frequent words count more: most tokens are theirs.
    solution = _least_squares(rows, rarity[:, None], _RIDGE, often.sqrt())[:-1, 0]
    with torch.no_grad():
        if early is None:
            exits.lexical.copy_(solution)
            early = range(len(exits.by_word) - 1)
        exits.by_word[list(early)] = solution


def start_maps(
    exits: Exits, lexical: Tensor, pooled: Sequence[Tensor], word_share: float = WORD_SHARE
) -> None:
    """Turn the whole network's vectors so that their strongest dimensions come first; map the rest to them.

    Args:
        lexical, pooled: of a sample of texts, as `Exits.pooled` gives them, all layers: (n, D).
        word_share: length of the pooled embeddings beside the whole network's pooled states, of length 1;
            with 0 the map of the whole network is a rotation, which changes no cosine.
    """
    width = lexical.shape[1]
    whole = torch.cat([pooled[-1], word_share * lexical], 1) if word_share else pooled[-1]
    turn = torch.linalg.eigh(whole.T @ whole).eigenvectors.flip(1)[:, :width]
    start_early_maps(exits, lexical, pooled, whole @ turn)
    with torch.no_grad():
        exits.state_map[-1] = turn[:width].T
        if word_share:
            exits.word_map[-1] = word_share * turn[width:].T


@torch.no_grad()
def start_early_maps(exits: Exits, lexical: Tensor, pooled: Sequence[Tensor], wanted: Tensor) -> None:
    """Map the exits before the last to the whole network's vectors of the same texts, by least squares.

    Args:
        lexical, pooled: see `start_maps`.
        wanted: the whole network's vectors, (n, D).
    """
    width = lexical.shape[1]
    for layer, states in enumerate(pooled[:-1]):
        rows = torch.cat([states, lexical, torch.ones_like(states[:, :1])], 1)
        solution = _least_squares(rows, wanted, _MAP_RIDGE)
        exits.state_map[layer] = solution[:width].T
        exits.word_map[layer] = solution[width : 2 * width].T
        exits.bias[layer] = solution[-1]


def spread(layers: int) -> tuple[int, ...]:
    """Half of a model's layers spread evenly from the first to the last, and the last until one is left out.

    Sanh et al. 2019 ("DistilBERT") begin a student of half the depth with every other layer likewise.
    """
    half = max(1, layers // 2)
    first = [1 + round((layers - 1) * number / max(1, half - 1) - 0.25) for number in range(half)]
    return (*first, *[layers] * (layers - 1 - half))


def _least_squares(rows: Tensor, wanted: Tensor, ridge: float, weights: Tensor | None = None) -> Tensor:
    left = rows.T if weights is None else (rows * weights[:, None]).T
    solution: Tensor = torch.linalg.solve(
        left @ rows + ridge * torch.eye(rows.shape[1], device=rows.device), left @ wanted
    )
    return solution
