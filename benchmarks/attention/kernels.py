"""The native kernels beside dense SDPA and compiled flex_attention on this processor.

    python -m skerry.benchmarks.attention.kernels --out FILE

Every round calls each of them once, so that what else the machine does falls on all alike; a time is the
median of the rounds, a ratio the median of the rounds' ratios. flex_attention has the same blocks and runs in
float32, where it is faster than in bfloat16, with KV heads repeated beforehand: it cannot share them among
three.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from skerry.benchmarks.attention.blocks import Heads, blocks, density_of, index_of
from skerry.benchmarks.attention.flex_mask import block_mask
from skerry.kernels.attention import attend_blocks, attend_ranges, attend_suffix

HEADS = Heads(9, 3, 64)
LENGTHS = (1024, 4096, 8192, 16384)
DENSITIES = (0.1, 0.25, 0.5, 1.0)
TYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}
Row = dict[str, Any]
Call = Callable[[], object]


def rounds(count: int, **calls: Call) -> dict[str, float]:
    """Median milliseconds of each call, and `times_NAME`: how often the first fits into another."""
    first = next(iter(calls))
    for call in calls.values():
        call()
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(count):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            taken[name].append((time.perf_counter() - began) * 1e3)
    ratios = {
        f"times_{name}": statistics.median(a / b for a, b in zip(taken[name], taken[first], strict=True))
        for name in calls
        if name != first
    }
    return {f"{name}_ms": statistics.median(times) for name, times in taken.items()} | ratios


def prefill(length: int, count: int, densities: Sequence[float] = DENSITIES) -> list[Row]:
    """Block-sparse by density and type; of_ideal is the share of the speed that the density would allow."""
    q, k, v = (torch.randn(heads, length, HEADS.size) for heads in (HEADS.queries, HEADS.keys, HEADS.keys))
    repeated = [x.repeat_interleave(HEADS.queries // HEADS.keys, 0)[None] for x in (k, v)]
    torch.compiler.reset()
    flex = _compiled_flex()
    rows = []
    for density in densities:
        chosen = blocks(HEADS.queries, length, density)
        index, mask, shown = index_of(chosen), block_mask(chosen, length), density_of(chosen)
        for name, dtype in TYPES.items():
            qd, kd, vd = (x.to(dtype) for x in (q, k, v))
            found = rounds(
                count,
                native=partial(attend_blocks, qd, kd, vd, index, HEADS.scale),
                sdpa=partial(_causal, qd, kd, vd),
                flex=partial(flex, q[None], *repeated, block_mask=mask),
            )
            of_ideal = found["times_sdpa"] * shown
            rows.append(
                {"length": length, "asked": density, "density": shown, "type": name}
                | found
                | {"of_ideal": of_ideal}
            )
    return rows


def suffix(length: int, count: int) -> list[Row]:
    """The last rows of a prompt, dense, beside SDPA with the mask that it needs."""
    rows = []
    for last in (16, 64, 512):
        for name, dtype in TYPES.items():
            q = torch.randn(HEADS.queries, last, HEADS.size).to(dtype)
            k, v = (torch.randn(HEADS.keys, length, HEADS.size).to(dtype) for _ in "kv")
            limits = torch.arange(length - last + 1, length + 1, dtype=torch.int32)
            mask = torch.arange(length) < limits[:, None]
            found = rounds(
                count,
                native=partial(attend_suffix, q, k, v, limits, HEADS.scale),
                sdpa=partial(_masked, q, k, v, mask),
            )
            rows.append({"length": length, "rows": last, "type": name} | found)
    return rows


def decode(length: int, count: int) -> list[Row]:
    """A step over all rows of a cache, and over 512 of them in ranges of 24, beside SDPA over all."""
    rows = []
    for name, dtype in TYPES.items():
        q = torch.randn(1, HEADS.queries, HEADS.size).to(dtype)
        k, v = (torch.randn(1, HEADS.keys, length, HEADS.size).to(dtype) for _ in "kv")
        for budget in (512, length):
            begins = (
                torch.linspace(0, length - 24, budget // 24).int() if budget < length else torch.tensor([0])
            )
            each = torch.stack([begins, begins + (24 if budget < length else length)], 1).int()
            starts = (torch.arange(HEADS.keys + 1) * len(each)).int()
            found = rounds(
                count,
                native=partial(attend_ranges, q, k, v, starts, each.repeat(HEADS.keys, 1), HEADS.scale),
                sdpa=partial(scaled_dot_product_attention, q.unsqueeze(2), k, v, enable_gqa=True),
            )
            rows.append({"length": length, "budget": budget, "type": name} | found)
    return rows


def _causal(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True, enable_gqa=True)


def _masked(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    return scaled_dot_product_attention(q[None], k[None], v[None], attn_mask=mask, enable_gqa=True)


def _compiled_flex() -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=False)


def _show(rows: list[Row]) -> None:
    print("  ".join(f"{name:>10}" for name in rows[0]))
    for row in rows:
        cells = (f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values())
        print("  ".join(f"{cell:>10}" for cell in cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m skerry.benchmarks.attention.kernels")
    parser.add_argument("--out", type=Path, required=True, help="where the JSON is written")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="multiples of 128")
    parser.add_argument("--densities", type=float, nargs="+", default=DENSITIES)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.manual_seed(0)
    tables: dict[str, Any] = {
        "heads": str(HEADS),
        "threads": torch.get_num_threads(),
        "rounds": options.rounds,
    }
    sparse = partial(prefill, densities=options.densities)
    with torch.inference_mode():
        for name, table, more in (("prefill", sparse, 1), ("suffix", suffix, 3), ("decode", decode, 20)):
            print(f"\n{name}")
            tables[name] = []
            for length in options.lengths:
                rows = table(length, options.rounds * more)
                _show(rows)
                tables[name] += rows
                options.out.write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
