"""Which single keys each block of queries needs, from the means of parts of the block.

Every mean query is scored against all keys before its middle; a key is needed that gets from one of them at
least `share` times what equal shares would give. `kernels/reference/stripes.py` is the slow version.
"""

from __future__ import annotations

import torch

from skerry.kernels import _native
from skerry.kernels.block_index import BlockIndex

__all__ = ["available", "plan_stripes"]


def available() -> bool:
    """Whether this processor can run it: x86-64 with AVX-512 and its bfloat16 products."""
    return _native.attention_in_bf16()


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
    """The index of the needed keys, in as many threads as torch has.

    Args:
        q: bfloat16 (heads, n, d), the last n of m positions; d is even.
        k: bfloat16 (KV heads, m, d), may be a view.
        scale: of the products, above 0.
        block: queries, and keys, of a block.
        samples: mean queries of a block: a power of two up to 32.
        first_keys: always needed, and so are a query block's own key blocks.
        window: keys before a block of queries whose key blocks it always needs too.
        share: of the attention, in equal shares, at least 0.
        whole: share of a key block from which on it is taken as a whole.

    Raises:
        ValueError: shapes, types or numbers that cannot be, or a processor that cannot run it.
    """
    if q.dtype != torch.bfloat16 or k.dtype != torch.bfloat16 or q.is_cuda or k.is_cuda:
        raise ValueError(
            f"queries and keys must be bfloat16 on a CPU, not {q.dtype}, {k.dtype} on {q.device}"
        )
    lists = _native.plan_stripes(
        q.detach().view(torch.uint16),
        k.detach().view(torch.uint16),
        block,
        samples,
        first_keys,
        window,
        share,
        whole,
        scale,
        torch.get_num_threads(),
    )
    return BlockIndex(block, *(torch.from_numpy(numbers) for numbers in lists))
