"""The slow version of `kernels.stripes`: one query block after the other, in float32."""

from __future__ import annotations

import torch

from skerry.kernels.block_index import BlockIndex

__all__ = ["needed_keys", "plan_stripes"]


def plan_stripes(
    q: torch.Tensor,
    k: torch.Tensor,
    scale: float,
    *,
    block: int,
    samples: int,
    first_keys: int,
    window: int,
    share: float,
    whole: float,
) -> BlockIndex:
    """See `skerry.kernels.stripes.plan_stripes`."""
    heads, n, m = q.shape[0], q.shape[1], k.shape[1]
    blocks: list[list[int]] = []
    columns: list[list[int]] = []
    for head in range(heads):
        keys = k[head // (heads // k.shape[0])].float()
        for begin in range(0, n, block):
            near = max(0, m - n + begin - window) // block
            last = min(m - n + begin + block, m) - 1
            needed = needed_keys(q[head].float(), keys, scale, begin, block // samples, samples, share)
            needed[:first_keys] = True
            rows: tuple[list[int], list[int]] = [], []
            for number in range(near):
                lone = needed[number * block : (number + 1) * block].nonzero().flatten() + number * block
                if len(lone) >= whole * block:
                    rows[0].append(number)
                else:
                    rows[1].extend(lone.tolist())
            blocks.append([*rows[0], *range(near, last // block + 1)])
            columns.append(rows[1])
    return BlockIndex(block, *_joined(blocks), *_joined(columns))


def needed_keys(
    q: torch.Tensor, keys: torch.Tensor, scale: float, begin: int, length: int, samples: int, share: float
) -> torch.Tensor:
    """Which keys one block of queries, from `begin` on, needs: bool (m,).

    Args:
        q: (n, d), the last n of m positions.
        keys: (m, d).
        scale: of the products.
        begin: the block's first query.
        length: queries of a mean.
        samples: means of the block.
        share: see `plan_stripes`.
    """
    n, m = len(q), len(keys)
    needed = torch.zeros(m, dtype=torch.bool)
    for first in range(begin, min(begin + samples * length, n), length):
        mean = q[first : first + length].mean(0)
        seen = min(m - n + first + length // 2 + 1, m)
        shares = torch.softmax(keys[:seen] @ mean * scale, 0)
        needed[:seen] |= shares > share / seen
    return needed


def _joined(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    starts = torch.zeros(len(rows) + 1, dtype=torch.int32)
    starts[1:] = torch.tensor([len(row) for row in rows]).cumsum(0)
    return starts, torch.tensor([number for row in rows for number in row], dtype=torch.int32)
