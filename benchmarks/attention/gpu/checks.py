"""Every kernel beside the slow version, on the card."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from skerry.benchmarks.attention.gpu.drawn import any_index, rows
from skerry.benchmarks.attention.gpu.timing import Clock, Row, Table
from skerry.kernels.reference import attention as reference
from skerry.kernels.triton.blocks import attend_blocks
from skerry.kernels.triton.ranges import attend_ranges
from skerry.kernels.triton.suffix import attend_suffix

_BOUND = {torch.bfloat16: 0.03, torch.float32: 2e-4}
_SHAPES = {
    torch.bfloat16: (
        (9, 3, 600, 1111, 64),
        (32, 8, 513, 513, 128),
        (8, 1, 130, 257, 80),
        (4, 4, 1, 7, 48),
    ),
    torch.float32: ((9, 3, 300, 611, 64), (8, 1, 130, 257, 80)),
}
Attended = tuple[Tensor, Tensor]


def checks(clock: Clock) -> list[Row]:
    """The largest differences of outputs and log-sum-exps."""
    table = Table(kernel="", dtype="", shape="", out=".2e", lse=".2e", right="")
    for dtype, shapes in _SHAPES.items():
        for shape in shapes:
            for kernel, found, wanted in _calls(dtype, *shape):
                out = float((found[0].float() - wanted[0].float()).abs().max())
                seen = wanted[1].isfinite()
                lse = float((found[1] - wanted[1])[seen].abs().max()) if bool(seen.any()) else 0.0
                right = out < _BOUND[dtype] and lse < 1e-3 and torch.equal(found[1][~seen], wanted[1][~seen])
                table.add(
                    {
                        "kernel": kernel,
                        "dtype": str(dtype).removeprefix("torch."),
                        "shape": "{0}/{1}x{4} {2}:{3}".format(*shape),
                        "out": out,
                        "lse": lse,
                        "right": right,
                    }
                )
    return table.rows


def _calls(
    dtype: torch.dtype, heads: int, kv_heads: int, n: int, m: int, d: int
) -> Iterator[tuple[str, Attended, Attended]]:
    q, k, v = (
        rows(heads, n, d, dtype=dtype),
        rows(kv_heads, m, d, dtype=dtype),
        rows(kv_heads, m, d, dtype=dtype),
    )
    scale = d**-0.5
    scattered = torch.randint(0, m + 1, (n,), device="cuda", dtype=torch.int32)
    causal = torch.arange(m - n + 1, m + 1, device="cuda", dtype=torch.int32)
    for name, limits in (("scattered", scattered), ("suffix", causal)):
        wanted = reference.attend_suffix(q, k, v, limits, scale)
        yield name, attend_suffix(q, k, v, limits, scale), wanted
    index = any_index(heads, n, m)
    yield "blocks", attend_blocks(q, k, v, index, scale), reference.attend_blocks(q, k, v, index, scale)
    batch = 3
    keys, values = (rows(batch, m + 9, kv_heads, d, dtype=dtype).transpose(1, 2)[:, :, :m] for _ in "kv")
    edges = torch.randint(0, m + 1, (batch * kv_heads, 8), device="cuda").sort(1).values.int()
    starts = torch.arange(0, 4 * batch * kv_heads + 1, 4, device="cuda", dtype=torch.int32)
    one = rows(batch, heads, d, dtype=dtype)
    given = one, keys, values, starts, edges.view(-1, 2), scale
    yield "ranges", attend_ranges(*given), reference.attend_ranges(*given)
