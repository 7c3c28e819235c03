"""Block-sparse prefill by density, beside dense SDPA."""

from __future__ import annotations

from functools import partial

from torch.nn.functional import scaled_dot_product_attention

from skerry.benchmarks.attention.blocks import Heads, blocks, density_of, index_of
from skerry.benchmarks.attention.gpu.drawn import BATCHES, DENSITIES, HEADS, LENGTHS, prompt
from skerry.benchmarks.attention.gpu.timing import Clock, Row, Table, median_ms
from skerry.kernels.triton.blocks import attend_blocks

_LONE = 256
"""Lone keys of each row, where a row has any."""


def prefill(clock: Clock) -> list[Row]:
    """Times; `of_ideal` is the share of the speed that the density would allow."""
    table = Table(
        heads="",
        batch="",
        length="",
        density=".3f",
        lone="",
        ms=".3f",
        sdpa_ms=".3f",
        times_sdpa=".2f",
        of_ideal=".2f",
    )
    for heads in HEADS:
        for batch in BATCHES:
            for n in LENGTHS:
                if clock.allows(0.55, f"prefill {heads}, batch {batch}, length {n}"):
                    _prompt(table, heads, batch, n)
    return table.rows


def _prompt(table: Table, heads: Heads, batch: int, n: int) -> None:
    q, k, v = prompt(heads, batch, n)
    dense = median_ms(partial(scaled_dot_product_attention, q, k, v, is_causal=True, enable_gqa=True))
    folded = q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)
    for density in DENSITIES:
        chosen = blocks(heads.queries, n, density, "cuda")
        for lone in (0, _LONE) if density == 0.1 else (0,):
            index = index_of(chosen.repeat(batch, 1, 1), lone)
            ours = median_ms(partial(attend_blocks, *folded, index, heads.scale))
            pairs = len(index.blocks) * 128 + len(index.columns)
            all_pairs = batch * heads.queries * (n // 128) * (n // 128 + 1) / 2 * 128
            table.add(
                {
                    "heads": str(heads),
                    "batch": batch,
                    "length": n,
                    "asked": density,
                    "density": density_of(chosen),
                    "lone": lone,
                    "ms": ours,
                    "sdpa_ms": dense,
                    "times_sdpa": dense / ours,
                    "of_ideal": dense / ours * pairs / all_pairs,
                }
            )
