"""The slow versions of `kernels.attention`: one masked softmax over all keys, in float32 or wider.

A row that sees no key gives zeros and a log-sum-exp of minus infinity.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from skerry.kernels.block_index import BlockIndex

__all__ = [
    "attend_blocks",
    "attend_masked",
    "attend_ranges",
    "attend_suffix",
    "block_mask",
    "merge",
    "piece_shares",
    "range_mask",
]


def attend_masked(q: Tensor, k: Tensor, v: Tensor, seen: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Attention of queries to the keys that they see.

    Args:
        q: (..., heads, n, d).
        k, v: (..., kv_heads, m, d); head h reads h // (heads / kv_heads).
        seen: bool, broadcast to (..., heads, n, m).
        scale: of the products.

    Returns:
        Out (..., heads, n, d) of q's type, and the log-sum-exp (..., heads, n), natural logarithm.
    """
    wide = torch.promote_types(q.dtype, torch.float32)
    group = q.shape[-3] // k.shape[-3]
    keys, values = (x.to(wide).repeat_interleave(group, dim=-3) for x in (k, v))
    scores = (q.to(wide) @ keys.transpose(-1, -2) * scale).masked_fill(~seen, -torch.inf)
    lse = torch.logsumexp(scores, dim=-1)
    shares = torch.exp(scores - lse.unsqueeze(-1)).nan_to_num(0.0)
    return (shares @ values).to(q.dtype), lse


def block_mask(index: BlockIndex, heads: int, n: int, m: int) -> Tensor:
    """What each query sees, bool (heads, n, m): its blocks and columns, and nothing after itself."""
    block, query_blocks = index.block, -(-n // index.block)
    seen = torch.zeros(heads, n, m, dtype=torch.bool)
    block_starts, column_starts = index.block_starts.tolist(), index.column_starts.tolist()
    for head in range(heads):
        for number in range(query_blocks):
            row, rows = head * query_blocks + number, slice(number * block, (number + 1) * block)
            for key_block in index.blocks[block_starts[row] : block_starts[row + 1]].tolist():
                seen[head, rows, key_block * block : (key_block + 1) * block] = True
            seen[head, rows, index.columns[column_starts[row] : column_starts[row + 1]].long().cpu()] = True
    causal = torch.arange(m) <= torch.arange(m - n, m).unsqueeze(1)
    return (seen & causal).to(index.blocks.device)


def range_mask(starts: Tensor, ranges: Tensor, batch: int, kv_heads: int, capacity: int) -> Tensor:
    """Which rows each KV head sees, bool (batch, kv_heads, capacity)."""
    seen = torch.zeros(batch * kv_heads, capacity, dtype=torch.bool)
    borders, rows = starts.tolist(), ranges.tolist()
    for at, (begin, end) in enumerate(pairwise(borders)):
        for first, last in rows[begin:end]:
            seen[at, first:last] = True
    return seen.view(batch, kv_heads, capacity).to(ranges.device)


def attend_blocks(q: Tensor, k: Tensor, v: Tensor, index: BlockIndex, scale: float) -> tuple[Tensor, Tensor]:
    """See `skerry.kernels.attention.attend_blocks`."""
    return attend_masked(q, k, v, block_mask(index, q.shape[0], q.shape[1], k.shape[1]), scale)


def attend_suffix(q: Tensor, k: Tensor, v: Tensor, limits: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """See `skerry.kernels.attention.attend_suffix`."""
    return attend_masked(q, k, v, torch.arange(k.shape[1], device=k.device) < limits.unsqueeze(1), scale)


def attend_ranges(
    q: Tensor, k: Tensor, v: Tensor, starts: Tensor, ranges: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    """See `skerry.kernels.attention.attend_ranges`."""
    batch, heads, _ = q.shape
    kv_heads, capacity = k.shape[1:3]
    seen = range_mask(starts, ranges, batch, kv_heads, capacity)
    out, lse = attend_masked(
        q.unsqueeze(2), k, v, seen.repeat_interleave(heads // kv_heads, dim=1).unsqueeze(2), scale
    )
    return out.squeeze(2), lse.squeeze(2)


def piece_shares(q: Tensor, k: Tensor, bounds: Tensor, scale: float) -> Tensor:
    """See `skerry.kernels.attention.piece_shares`."""
    wide = torch.promote_types(q.dtype, torch.float32)
    (batch, heads, _), (kv_heads, capacity) = q.shape, k.shape[1:3]
    keys = k.to(wide).repeat_interleave(heads // kv_heads, dim=1)
    rows = torch.arange(capacity, device=k.device)
    seen = (rows >= bounds[:, :1]) & (rows < bounds[:, -1:])
    scores = (keys @ q.to(wide).unsqueeze(-1)).squeeze(-1) * scale
    shares = torch.softmax(scores.masked_fill(~seen[:, None], -torch.inf), dim=-1).nan_to_num(0.0)
    sums = functional.pad(shares.view(batch, kv_heads, -1, capacity).sum(2).double().cumsum(-1), (1, 0))
    at = bounds.long()[:, None].expand(-1, kv_heads, -1)
    return torch.diff(sums.gather(-1, at)).float()


def merge(outs: Sequence[Tensor], lses: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """See `skerry.kernels.attention.merge`."""
    stacked = torch.stack(list(lses))
    lse = torch.logsumexp(stacked, dim=0)
    shares = torch.exp(stacked - lse).nan_to_num(0.0)
    out = sum(share.unsqueeze(-1) * out for share, out in zip(shares, outs, strict=True))
    assert isinstance(out, Tensor)
    return out.to(outs[0].dtype), lse
