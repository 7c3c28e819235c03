"""What the last queries attend to: the estimate that vertical-slash patterns are made from."""

from __future__ import annotations

import torch


def attention_of_last(queries: torch.Tensor, keys: torch.Tensor, scale: float, count: int) -> torch.Tensor:
    """Their softmax over all keys that they see, float32 (heads, w, m), w = min(count, n).

    Args:
        queries: (heads, n, head size), the last n of m positions.
        keys: (KV heads, m, head size).
        scale: of the products.
        count: how many of the last.
    """
    last = queries[:, -count:]
    scores = scores_of(last, keys, scale)
    width = last.shape[1]
    later = torch.ones(width, width, dtype=torch.bool).triu(1)
    scores[:, :, -width:].masked_fill_(later, -torch.inf)
    return torch.softmax(scores, dim=-1)


def scores_of(queries: torch.Tensor, keys: torch.Tensor, scale: float) -> torch.Tensor:
    """Scaled products, float32 (heads, n, m), of (heads, n, head size) and (KV heads, m, head size)."""
    heads, n, size = queries.shape
    grouped = (queries * scale).reshape(keys.shape[0], -1, size)
    return torch.matmul(grouped, keys.transpose(1, 2)).view(heads, n, -1).float()


def vertical_mass(attention: torch.Tensor) -> torch.Tensor:
    """Each key's share, summed over the queries, (heads, m)."""
    return attention.sum(1)


def slash_mass(attention: torch.Tensor) -> torch.Tensor:
    """Each distance's share, summed over the queries, (heads, m): entry o counts keys o before their query.

    Args:
        attention: (heads, w, m) of the last w of m positions.
    """
    heads, width, keys = attention.shape
    # Written in rows of one length and read in rows that are one longer, a row stands a place further left
    # than the one before it: keys at one distance from their queries come to stand in one column.
    length = keys + width
    flat = attention.new_zeros(heads, width * (length + 1))
    flat[:, : width * length].view(heads, width, length)[:, :, width:] = attention
    return flat.view(heads, width, length + 1).sum(1)[:, 1 : keys + 1].flip(1)
