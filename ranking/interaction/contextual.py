"""Transformer layers over word vectors (Vaswani et al. 2017), small enough to run for every query."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def positions(length: int, width: int) -> Tensor:
    """Sines and cosines of the places, float32 (length, width)."""
    place = torch.arange(length).unsqueeze(1)
    pace = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000) / width))
    waves = torch.zeros(length, width)
    waves[:, 0::2] = torch.sin(place * pace)
    waves[:, 1::2] = torch.cos(place * pace[: width // 2])
    return waves


def heads_for(width: int, most: int = 10, least: int = 10) -> int:
    """The largest number of heads up to `most` that divides the width into at least `least` each, or 1."""
    return next((heads for heads in range(most, 1, -1) if width % heads == 0 and width // heads >= least), 1)


class ContextLayer(nn.Module):
    """Self-attention and a feed-forward part, each added to its input and normalised after.

    Args:
        width: of the words' vectors.
        inner: width inside the feed-forward part.
    """

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self._heads = heads_for(width)
        self.project = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, inner), nn.ReLU(), nn.Linear(inner, width))
        self.first_norm, self.second_norm = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """(n, L, width) to the same shape; words look at words inside the bool mask (n, L) only."""
        shape = (*vectors.shape[:2], self._heads, -1)
        query, key, value = (
            part.reshape(shape).transpose(1, 2) for part in self.project(vectors).chunk(3, dim=2)
        )
        # A text without words looks at its padding: attention over nothing is no number.
        seen = mask | ~mask.any(1, keepdim=True)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen[:, None, None, :])
        vectors = self.first_norm(vectors + self.attended(mixed.transpose(1, 2).flatten(2)))
        out: Tensor = self.second_norm(vectors + self.feed(vectors))
        return out


class MixedContext(nn.Module):
    """Words with what stands around them, mixed with the plain words by one learnt share (TK).

    Args:
        width, inner: of each layer.
        layers: how many.
    """

    def __init__(self, width: int, inner: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(ContextLayer(width, inner) for _ in range(layers))
        self.plain_share = nn.Parameter(torch.tensor(0.5))

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """(n, L, width) to the same shape; bool mask (n, L). What stands at padding means nothing."""
        states = vectors + positions(vectors.shape[1], vectors.shape[2])
        for layer in self.layers:
            states = layer(states, mask)
        return self.plain_share * vectors + (1 - self.plain_share) * states
