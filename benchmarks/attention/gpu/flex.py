"""The same blocks in compiled flex_attention: every shape is compiled anew, so these come last."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch.nn.attention.flex_attention import flex_attention

from skerry.benchmarks.attention.blocks import Heads, blocks, density_of, index_of
from skerry.benchmarks.attention.flex_mask import block_mask
from skerry.benchmarks.attention.gpu.drawn import DENSITIES, HEADS, prompt
from skerry.benchmarks.attention.gpu.timing import Clock, Row, Table, median_ms
from skerry.kernels.triton.blocks import attend_blocks

_SIZES = ((1, 16384), (1, 65536), (8, 16384), (1, 4096))


def flex(clock: Clock) -> list[Row]:
    """Times, and the largest difference of the outputs."""
    table = Table(
        heads="", batch="", length="", density=".3f", ms=".3f", flex_ms=".3f", times_flex=".2f", apart=".1e"
    )
    for batch, n in _SIZES:
        for heads in HEADS:
            what = f"flex {heads}, batch {batch}, length {n}"
            if not clock.allows(0.9, what):
                continue
            try:
                _prompt(table, heads, batch, n)
            except (RuntimeError, torch._dynamo.exc.TorchDynamoException) as error:
                clock.skipped.append(f"{what}: {str(error).splitlines()[0]}")
    return table.rows


def _prompt(table: Table, heads: Heads, batch: int, n: int) -> None:
    torch.compiler.reset()
    compiled: Any = torch.compile(flex_attention, dynamic=False)
    group = heads.queries // heads.keys
    # A power of two of query heads may share KV heads in it; others get them repeated beforehand.
    shares = group & (group - 1) == 0
    q, k, v = prompt(heads, batch, n)
    repeated = (k, v) if shares else (k.repeat_interleave(group, 1), v.repeat_interleave(group, 1))
    folded = q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)
    for density in DENSITIES:
        chosen = blocks(heads.queries, n, density, "cuda")
        theirs = partial(compiled, q, *repeated, block_mask=block_mask(chosen, n), enable_gqa=shares)
        ours = partial(attend_blocks, *folded, index_of(chosen.repeat(batch, 1, 1)), heads.scale)
        apart = float((theirs().flatten(0, 1).float() - ours()[0].float()).abs().max())
        peer, mine = median_ms(theirs), median_ms(ours)
        table.add(
            {
                "heads": str(heads),
                "batch": batch,
                "length": n,
                "asked": density,
                "density": density_of(chosen),
                "ms": mine,
                "flex_ms": peer,
                "times_flex": peer / mine,
                "apart": apart,
            }
        )
