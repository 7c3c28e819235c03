"""The same blocks as flex_attention wants them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask

from skerry.benchmarks.attention.blocks import BLOCK


def block_mask(chosen: Tensor, n: int) -> BlockMask:
    """Of the blocks that `chosen` (heads, blocks, blocks) names: on the diagonal causal, whole below it."""
    heads, wide, _ = chosen.shape
    own = torch.eye(wide, dtype=torch.bool, device=chosen.device).expand(heads, wide, wide)

    def listed(which: Tensor) -> tuple[Tensor, Tensor]:
        order = (~which).int().argsort(dim=2, stable=True)
        return which.sum(2).int()[None], order.int()[None].contiguous()

    return BlockMask.from_kv_blocks(
        *listed(chosen & own), *listed(chosen & ~own), BLOCK_SIZE=BLOCK, mask_mod=_causal, seq_lengths=(n, n)
    )


def _causal(_batch: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
    return query >= key
