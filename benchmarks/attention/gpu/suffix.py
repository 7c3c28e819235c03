"""The end of a prompt, dense, beside SDPA with the mask that it needs."""

from __future__ import annotations

from functools import partial

import torch
from torch.nn.functional import scaled_dot_product_attention

from skerry.benchmarks.attention.gpu.drawn import HEADS, rows
from skerry.benchmarks.attention.gpu.timing import Clock, Row, Table, median_ms
from skerry.kernels.triton.suffix import attend_suffix

_ROWS = (64, 1024, 16384)
_LENGTH = 16384


def suffix(clock: Clock) -> list[Row]:
    """Times. SDPA's own causal mask begins at the first key: only where the rows are all it can be used."""
    table = Table(heads="", rows="", length="", ms=".3f", sdpa_ms=".3f", times_sdpa=".2f")
    for heads in HEADS:
        for count in _ROWS:
            if not clock.allows(0.6, f"suffix {heads}, {count} rows"):
                continue
            q = rows(heads.queries, count, heads.size)
            k, v = rows(heads.keys, _LENGTH, heads.size), rows(heads.keys, _LENGTH, heads.size)
            limits = torch.arange(_LENGTH - count + 1, _LENGTH + 1, device="cuda", dtype=torch.int32)
            mask = None if count == _LENGTH else torch.arange(_LENGTH, device="cuda") < limits[:, None]
            dense = partial(
                scaled_dot_product_attention, q[None], k[None], v[None], attn_mask=mask, enable_gqa=True
            )
            peer = median_ms(partial(dense, is_causal=mask is None))
            ours = median_ms(partial(attend_suffix, q, k, v, limits, heads.scale))
            table.add(
                {
                    "heads": str(heads),
                    "rows": count,
                    "length": _LENGTH,
                    "ms": ours,
                    "sdpa_ms": peer,
                    "times_sdpa": peer / ours,
                }
            )
    return table.rows
