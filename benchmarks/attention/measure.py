"""Patterns on a layer's own tensors: time beside dense attention, density, recovered mass, error."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch.nn.functional import scaled_dot_product_attention

from skerry.benchmarks.attention.tensors import LayerTensors
from skerry.generation.attention.base import AttentionPattern, PlannedPattern
from skerry.generation.attention.dense import Dense
from skerry.generation.attention.grid import Grid
from skerry.kernels.attention import BlockIndex, attend_blocks, attend_suffix

SDPA, DENSE, FLEX = "dense, torch's SDPA", "dense, native kernel", "flex_attention"


@dataclass(frozen=True, slots=True)
class Spot:
    """One pattern at one length; means over layers, times summed over them.

    Attributes:
        length: tokens of the prompt.
        name: of pattern and setting.
        density: pairs of query and key that it attends to, of all causal ones; NaN where it has no index.
        mass: of the softmax over all keys, what the seen keys have, mean over queries; NaN likewise.
        low: the same, of the query in twenty that recovers least.
        error: of the output, root of the summed squares beside the dense output's.
        plan: seconds of the plan, median.
        seconds: of plan and attention together, median.
        faster: SDPA's seconds by these, median over the rounds.
        flex: seconds of compiled flex_attention over every block with a seen key, float32; NaN: not measured.
    """

    length: int
    name: str
    density: float
    mass: float
    low: float
    error: float
    plan: float
    seconds: float
    faster: float
    flex: float


def measure(
    layers: list[LayerTensors],
    patterns: Mapping[str, AttentionPattern],
    rounds: int,
    flex: bool,
    done: Callable[[], None],
) -> list[Spot]:
    """SDPA and the native dense kernel first, then the patterns.

    Args:
        layers: of one length.
        patterns: by name.
        rounds: each of which calls everything once.
        flex: whether flex_attention is timed too.
        done: called after each layer of each pattern.
    """
    compiled = _compiled_flex() if flex else None
    found: dict[str, list[_Part]] = {}
    with torch.inference_mode():
        for one in layers:
            dense, lse = attend_suffix(
                one.queries, one.keys, one.values, torch.arange(1, one.queries.shape[1] + 1).int(), one.scale
            )
            calls: dict[str, Callable[[], object]] = {
                SDPA: partial(_sdpa, one),
                DENSE: _attending(Dense(), one),
            }
            calls |= {name: _attending(pattern, one) for name, pattern in patterns.items()}
            times = _rounds(calls, rounds)
            for name in calls:
                pattern = patterns.get(name)
                found.setdefault(name, []).append(
                    _part(one, pattern, times[name], times[SDPA], dense, lse, compiled, rounds)
                )
                done()
    length = layers[0].queries.shape[1]
    return [_spot(length, name, parts) for name, parts in found.items()]


@dataclass(frozen=True, slots=True)
class _Part:
    """Of one layer: times by round, of SDPA in the same rounds too."""

    times: list[float]
    beside: list[float]
    plan: float
    density: float
    mass: float
    low: float
    error: float
    flex: float


def _part(
    one: LayerTensors,
    pattern: AttentionPattern | None,
    times: list[float],
    beside: list[float],
    dense: torch.Tensor,
    lse: torch.Tensor,
    flex: Callable[..., torch.Tensor] | None,
    rounds: int,
) -> _Part:
    if pattern is None:
        return _Part(times, beside, torch.nan, 1.0, 1.0, 1.0, 0.0, torch.nan)
    if not isinstance(pattern, PlannedPattern):
        out = pattern.attend(one.queries, one.keys, one.values, one.scale)
        return _Part(times, beside, torch.nan, torch.nan, torch.nan, torch.nan, _error(out, dense), torch.nan)
    plan = partial(pattern.plan, one.queries, one.keys, one.scale)
    planning = _rounds({"plan": plan}, rounds)["plan"]
    index = plan()
    out, seen = attend_blocks(one.queries, one.keys, one.values, index, one.scale)
    mass = torch.exp(seen - lse).clamp(max=1.0)
    return _Part(
        times,
        beside,
        statistics.median(planning),
        density(index, Grid(one.queries.shape[1], one.keys.shape[1], index.block), one.queries.shape[0]),
        float(mass.mean()),
        float(mass.flatten().quantile(0.05)) if mass.numel() < 2**24 else torch.nan,
        _error(out, dense),
        _flex(one, index, flex, rounds) if flex else torch.nan,
    )


def density(index: BlockIndex, grid: Grid, heads: int) -> float:
    """Pairs of query and key that an index has, of all causal ones."""
    first, last = grid.first().repeat(heads), grid.last().repeat(heads)
    rows = torch.arange(len(first))
    block_rows = rows.repeat_interleave(index.block_starts.diff())
    column_rows = rows.repeat_interleave(index.column_starts.diff())
    begin = index.blocks.long() * grid.block
    end = (begin + grid.block).clamp(max=grid.keys)
    # Query p sees of the keys [begin, end) those up to p: sums of min(p + 1, end) - min(p + 1, begin).
    of_blocks = _capped(first[block_rows], last[block_rows], end) - _capped(
        first[block_rows], last[block_rows], begin
    )
    seen_by = last[column_rows] - torch.maximum(first[column_rows], index.columns.long()) + 1
    pairs = int(of_blocks.sum()) + int(seen_by.clamp(min=0).sum())
    own = torch.arange(grid.keys - grid.queries + 1, grid.keys + 1)
    return pairs / (heads * int(own.sum()))


def _capped(first: torch.Tensor, last: torch.Tensor, cap: torch.Tensor) -> torch.Tensor:
    """The sum of min(p + 1, cap) over p from `first` to `last`."""
    below = (torch.minimum(last + 1, cap) - first).clamp(min=0)
    return below * (2 * first + below + 1) // 2 + (last + 1 - first - below) * cap


def _rounds(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call in each round, after one that does not count."""
    for call in calls.values():
        call()
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            taken[name].append(time.perf_counter() - began)
    return taken


def _spot(length: int, name: str, parts: list[_Part]) -> Spot:
    sums = [sum(times) for times in zip(*(part.times for part in parts), strict=True)]
    beside = [sum(times) for times in zip(*(part.beside for part in parts), strict=True)]
    mean = {
        field: statistics.fmean(getattr(part, field) for part in parts)
        for field in ("density", "mass", "low", "error")
    }
    return Spot(
        length,
        name,
        **mean,
        plan=sum(part.plan for part in parts),
        seconds=statistics.median(sums),
        faster=statistics.median(a / b for a, b in zip(beside, sums, strict=True)),
        flex=sum(part.flex for part in parts),
    )


def _attending(pattern: AttentionPattern, one: LayerTensors) -> Callable[[], object]:
    return partial(pattern.attend, one.queries, one.keys, one.values, one.scale)


def _sdpa(one: LayerTensors) -> torch.Tensor:
    q, k, v = (x[None] for x in (one.queries, one.keys, one.values))
    return scaled_dot_product_attention(q, k, v, is_causal=True, scale=one.scale, enable_gqa=True)


def _error(out: torch.Tensor, dense: torch.Tensor) -> float:
    return float((out.float() - dense.float()).norm() / dense.float().norm())


def _compiled_flex() -> Callable[..., torch.Tensor]:
    from torch.nn.attention.flex_attention import flex_attention

    torch.compiler.reset()
    compiled: Callable[..., torch.Tensor] = torch.compile(flex_attention, dynamic=False)
    return compiled


def _flex(one: LayerTensors, index: BlockIndex, flex: Callable[..., torch.Tensor], rounds: int) -> float:
    """Seconds over the blocks that have a seen key: it knows no lone keys."""
    from skerry.benchmarks.attention.flex_mask import block_mask

    heads, n, _ = one.queries.shape
    wide = -(-n // index.block)
    rows = torch.arange(heads * wide)
    touched = torch.zeros(heads * wide, wide, dtype=torch.bool)
    touched[rows.repeat_interleave(index.block_starts.diff()), index.blocks.long()] = True
    touched[rows.repeat_interleave(index.column_starts.diff()), index.columns.long() // index.block] = True
    group = heads // one.keys.shape[0]
    repeated = (x.float().repeat_interleave(group, 0)[None] for x in (one.keys, one.values))
    mask = block_mask(touched.view(heads, wide, wide), n)
    call = partial(flex, one.queries.float()[None], *repeated, block_mask=mask, scale=one.scale)
    return statistics.median(_rounds({FLEX: call}, rounds)[FLEX])
