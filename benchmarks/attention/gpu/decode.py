"""One step of decoding over chosen sentences, beside SDPA over all keys."""

from __future__ import annotations

from functools import partial

from torch.nn.functional import scaled_dot_product_attention

from skerry.benchmarks.attention.blocks import Heads
from skerry.benchmarks.attention.gpu.drawn import BATCHES, HEADS, rows, sentences
from skerry.benchmarks.attention.gpu.timing import Clock, Row, Table, graph_ms, median_ms
from skerry.kernels.triton.ranges import attend_ranges

_CONTEXTS = (8192, 32768, 131072)
_BUDGETS = (512, 2048)


def decode(clock: Clock) -> list[Row]:
    """Microseconds: calls one after the other, and many of them in one CUDA graph."""
    table = Table(
        heads="",
        batch="",
        context="",
        budget="",
        us=".1f",
        sdpa_us=".1f",
        times_sdpa=".2f",
        graph_us=".1f",
        sdpa_graph_us=".1f",
        times_in_graph=".2f",
    )
    for heads in HEADS:
        for batch in BATCHES:
            for context in _CONTEXTS:
                if clock.allows(0.7, f"decode {heads}, batch {batch}, context {context}"):
                    _step(table, heads, batch, context)
    return table.rows


def _step(table: Table, heads: Heads, batch: int, context: int) -> None:
    q = rows(batch, heads.queries, heads.size)
    k, v = rows(batch, heads.keys, context, heads.size), rows(batch, heads.keys, context, heads.size)
    dense = partial(scaled_dot_product_attention, q.unsqueeze(2), k, v, enable_gqa=True)
    peer, peer_graph = median_ms(dense) * 1e3, graph_ms(dense) * 1e3
    for budget in (*_BUDGETS, context):
        chosen = sentences(batch * heads.keys, context, budget)
        sparse = partial(attend_ranges, q, k, v, *chosen, heads.scale)
        ours, ours_graph = median_ms(sparse) * 1e3, graph_ms(sparse) * 1e3
        table.add(
            {
                "heads": str(heads),
                "batch": batch,
                "context": context,
                "budget": budget,
                "us": ours,
                "sdpa_us": peer,
                "times_sdpa": peer / ours,
                "graph_us": ours_graph,
                "sdpa_graph_us": peer_graph,
                "times_in_graph": peer_graph / ours_graph,
            }
        )
