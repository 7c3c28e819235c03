"""Lines of an attention map, keys (verticals) and distances (slashes), and the blocks that they cross."""

from __future__ import annotations

import torch
from torch.nn import functional

from skerry.generation.attention.grid import Grid


def covering(shares: torch.Tensor, target: float) -> torch.Tensor:
    """The fewest entries of each row, the largest first, that sum to `target`; bool of the same shape.

    Args:
        shares: not negative; the last dimension sums to about 1.
        target: 0 to 1.
    """
    sizes, order = shares.sort(dim=-1, descending=True)
    before = sizes.cumsum(-1) - sizes
    return torch.zeros_like(shares, dtype=torch.bool).scatter_(-1, order, before < target)


def largest(masses: torch.Tensor, count: int) -> torch.Tensor:
    """The `count` largest entries of each row, bool of the same shape."""
    top = masses.topk(min(count, masses.shape[-1]), dim=-1).indices
    return torch.zeros_like(masses, dtype=torch.bool).scatter_(-1, top, True)


def slash_blocks(grid: Grid, distances: torch.Tensor) -> torch.Tensor:
    """The key blocks in which a query block's keys at the given distances lie, bool (heads, rows, columns).

    Args:
        grid: of the queries.
        distances: bool (heads, keys); entry o: keys o before their query.
    """
    block = grid.block
    number, rest = divmod(grid.keys - grid.queries, block)
    # A query block's keys at one distance cross two key blocks, `step` and `step - 1` before the block of its
    # first query, or one, where the distance brings the borders of both kinds together. Which steps, all
    # query blocks have in common. `groups` has the distances by step, each group's last being the one with
    # common borders.
    lead = block - 1 - rest
    steps = -(-(grid.keys + lead) // block)
    groups = functional.pad(distances, (lead, steps * block - grid.keys - lead)).view(-1, steps, block)
    crossed = functional.pad(groups.any(-1), (1, 1))
    crossed[:, :-2] |= groups[:, :, :-1].any(-1)
    step = torch.arange(grid.rows)[:, None] + number - torch.arange(grid.columns)
    inside = (step >= -1) & (step < steps)
    return crossed[:, step.clamp(-1, steps) + 1] & inside
