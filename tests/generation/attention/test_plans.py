"""Each pattern's plan beside a slow version of it; each with nothing left out beside dense attention."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.core.errors import InvalidInput, NotFound
from skerry.generation.attention.a_shape import AShape
from skerry.generation.attention.auto import Auto
from skerry.generation.attention.base import PATTERNS, AttentionPattern, PlannedPattern
from skerry.generation.attention.block_sparse import BlockSparse
from skerry.generation.attention.dense import Dense
from skerry.generation.attention.flex_prefill import FlexPrefill, jensen_shannon
from skerry.generation.attention.grid import Grid, block_index
from skerry.generation.attention.hyper import Hyper
from skerry.generation.attention.last_queries import attention_of_last, slash_mass
from skerry.generation.attention.lines import covering, slash_blocks
from skerry.generation.attention.stripe import Stripe
from skerry.generation.attention.vertical_slash import VerticalSlash
from skerry.kernels import stripes
from skerry.kernels.reference.attention import block_mask
from skerry.kernels.reference.stripes import plan_stripes

_SCALE = 0.25
_LENGTHS = st.tuples(st.integers(1, 500), st.integers(0, 700))
"""Queries, and keys before the first of them."""


def _tensors(n: int, before: int, seed: int = 0, heads: int = 4) -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(seed)
    shapes = ((heads, n, 16), (heads // 2, before + n, 16), (heads // 2, before + n, 16))
    return tuple(torch.randn(shape, generator=random) * 1.5 for shape in shapes)


def _dense_map(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """The whole attention map, (heads, n, m)."""
    n, m = queries.shape[1], keys.shape[1]
    scores = queries @ keys.repeat_interleave(2, 0).transpose(1, 2) * _SCALE
    return scores.masked_fill(torch.ones(n, m).triu(m - n + 1).bool(), -torch.inf).softmax(-1)


def _mask(pattern: PlannedPattern, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    index = pattern.plan(queries, keys, _SCALE)
    return block_mask(index, queries.shape[0], queries.shape[1], keys.shape[1])


@given(_LENGTHS, st.sampled_from([16, 128]), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_an_index_holds_what_the_masks_say(lengths: tuple[int, int], block: int, seed: int) -> None:
    grid = Grid(lengths[0], sum(lengths), block)
    random = torch.Generator().manual_seed(seed)
    blocks = torch.rand(2, grid.rows, grid.columns, generator=random) < 0.3
    lone = torch.rand(2, grid.rows, grid.columns * block, generator=random) < 0.1
    rows, own = torch.arange(grid.queries) // block, torch.arange(lengths[1], grid.keys)
    want = blocks[:, rows][..., torch.arange(grid.keys) // block] | lone[:, rows, : grid.keys]
    want &= torch.arange(grid.keys) <= own[:, None]
    index = block_index(grid, blocks, lone)
    assert torch.equal(block_mask(index, 2, grid.queries, grid.keys), want)
    assert not torch.isin(
        index.columns[: index.column_starts[1]] // block, index.blocks[: index.block_starts[1]]
    ).any()
    without = block_mask(block_index(grid, blocks), 2, grid.queries, grid.keys)
    assert torch.equal(
        without, block_mask(block_index(grid, blocks, lone & False), 2, grid.queries, grid.keys)
    )


@given(_LENGTHS, st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_slash_blocks_are_those_that_the_distances_cross(lengths: tuple[int, int], seed: int) -> None:
    n, m = lengths[0], sum(lengths)
    grid = Grid(n, m, 16)
    distances = torch.rand(2, m, generator=torch.Generator().manual_seed(seed)) < 0.05
    want = torch.zeros(2, grid.rows, grid.columns, dtype=torch.bool)
    for head, distance in distances.nonzero().tolist():
        for query in range(grid.rows * 16):
            key = m - n + query - distance
            if 0 <= key < grid.columns * 16:
                want[head, query // 16, key // 16] = True
    got = slash_blocks(grid, distances)
    assert torch.equal(got & grid.visible(), want & grid.visible())


@given(_LENGTHS, st.integers(1, 70))
@settings(max_examples=20, deadline=None)
def test_slashes_sum_along_distances(lengths: tuple[int, int], last: int) -> None:
    queries, keys, _ = _tensors(*lengths)
    attention = attention_of_last(queries, keys, _SCALE, last)
    width, m = min(last, lengths[0]), sum(lengths)
    torch.testing.assert_close(attention, _dense_map(queries, keys)[:, -width:])
    want = torch.zeros(4, m)
    for row in range(width):
        position = m - width + row
        want[:, : position + 1] += attention[:, row, : position + 1].flip(1)
    torch.testing.assert_close(slash_mass(attention), want)


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=12), st.floats(0.05, 0.99))
def test_covering_takes_the_fewest(parts: list[float], target: float) -> None:
    shares = torch.tensor(parts, dtype=torch.float64)
    shares /= shares.sum()
    chosen = covering(shares[None], target)[0]
    ranked = sorted(shares.tolist(), reverse=True)
    fewest = next(count for count in range(1, len(ranked) + 1) if sum(ranked[:count]) >= target - 1e-12)
    assert int(chosen.sum()) == fewest
    assert float(shares[chosen].sum()) >= target - 1e-9


def test_jensen_shannon() -> None:
    apart = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert jensen_shannon(*apart).item() == pytest.approx(math.log(2))
    assert jensen_shannon(apart[0], apart[0]).item() == 0


_PLANNED = [
    AShape(64, 100),
    VerticalSlash(30, 100),
    BlockSparse(2),
    BlockSparse(0, 0.5),
    FlexPrefill(0.6),
    Stripe(100, 2.0),
]


@pytest.mark.parametrize("pattern", _PLANNED, ids=repr)
@given(lengths=_LENGTHS)
@settings(max_examples=8, deadline=None)
def test_a_plan_fits_the_kernel_and_shows_every_query_itself(pattern: Any, lengths: tuple[int, int]) -> None:
    queries, keys, values = _tensors(*lengths)
    seen = _mask(pattern, queries, keys)
    assert seen[:, torch.arange(lengths[0]), torch.arange(lengths[1], sum(lengths))].all()
    out = pattern.attend(queries, keys, values, _SCALE)
    weights = _dense_map(queries, keys).masked_fill(~seen, 0.0)
    want = weights / weights.sum(-1, keepdim=True) @ values.repeat_interleave(2, 0)
    torch.testing.assert_close(out, want, atol=1e-4, rtol=1e-4)


_EVERYTHING: list[AttentionPattern] = [
    Dense(),
    AShape(1, 2**20),
    VerticalSlash(30, 2**20),
    BlockSparse(2**20),
    BlockSparse(0, 1.0),
    FlexPrefill(1.0, 0.0),
    FlexPrefill(1.0, 1.0),
    Stripe(0, 0.0),
    Hyper(exact=2**20),
    Auto(),
]


@pytest.mark.parametrize("pattern", _EVERYTHING, ids=repr)
@pytest.mark.parametrize(("n", "before"), [(1, 0), (300, 0), (300, 213), (2, 400)])
def test_with_nothing_left_out_it_is_dense(pattern: AttentionPattern, n: int, before: int) -> None:
    queries, keys, values = _tensors(n, before)
    want = _dense_map(queries, keys) @ values.repeat_interleave(2, 0)
    torch.testing.assert_close(pattern.attend(queries, keys, values, _SCALE), want, atol=1e-4, rtol=1e-4)


def test_the_window_of_the_a_shape() -> None:
    queries, keys, _ = _tensors(300, 340)
    seen = _mask(AShape(sinks=130, window=200), queries, keys)
    for query in range(300):
        position = 340 + query
        first = (340 + query // 128 * 128 - 200) // 128 * 128
        want = [key <= position and (key < 256 or key >= first) for key in range(640)]
        assert seen[0, query].tolist() == want


def test_vertical_slash_takes_the_strongest_lines() -> None:
    queries, keys, _ = _tensors(400, 112)
    pattern = VerticalSlash(vertical=50, slash=120)
    truth = _dense_map(queries, keys)[:, -64:]
    vertical, slash = truth.sum(1), slash_mass(truth)
    vertical[:, :30], slash[:, :100] = torch.inf, torch.inf
    seen = _mask(pattern, queries, keys)
    for head in range(4):
        lines = vertical[head].topk(50).indices
        distances = slash[head].topk(120).indices
        for query in (0, 200, 399):
            position = 112 + query
            assert seen[head, query, lines[lines <= position]].all()
            back = position - distances
            assert seen[head, query, back[back >= 0]].all()


def test_block_sparse_takes_the_nearest_means() -> None:
    queries, keys, _ = _tensors(384, 256)
    index = BlockSparse(2).plan(queries, keys, _SCALE)
    q = queries.view(4, 3, 128, 16).mean(2)
    k = keys.view(2, 5, 128, 16).mean(2).repeat_interleave(2, 0)
    for head in range(4):
        for row in range(3):
            scores = (k[head] @ q[head, row])[: row + 3]
            want = {0, row + 2, *scores.topk(2).indices.tolist()}
            at = head * 3 + row
            got = index.blocks[index.block_starts[at] : index.block_starts[at + 1]]
            assert set(got.tolist()) == want


@pytest.mark.parametrize(
    ("lengths", "samples", "whole", "window"),
    [((1300, 0), 2, 1.0, 0), ((1300, 77), 8, 0.5, 200), ((5, 900), 4, 0.7, 512)],
)
def test_stripes_are_the_keys_that_a_mean_query_gives_enough(
    lengths: tuple[int, int], samples: int, whole: float, window: int
) -> None:
    queries, keys, _ = _tensors(*lengths, seed=4)
    settings_: dict[str, Any] = {"samples": samples, "share": 1.5, "whole": whole, "window": window}
    want = plan_stripes(queries, keys, _SCALE, block=128, first_keys=4, **settings_)
    got = Stripe(**settings_).plan(queries, keys, _SCALE)
    assert torch.equal(got.block_starts, want.block_starts)
    assert torch.equal(got.blocks, want.blocks)
    assert torch.equal(got.column_starts, want.column_starts)
    assert torch.equal(got.columns, want.columns)


def test_stripes_of_the_kernel_and_without_it_are_nearly_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, keys = (x.bfloat16() for x in _tensors(700, 300)[:2])
    pattern = Stripe(0, share=1.2, whole=1.0)
    kernel = _mask(pattern, queries, keys)
    monkeypatch.setattr(stripes, "available", lambda: False)
    alone = _mask(pattern, queries, keys)
    assert float((kernel != alone).float().mean()) < 0.01
    assert len(pattern.plan(queries, keys, _SCALE).columns) > 1000


def test_key_blocks_that_are_mostly_seen_are_seen_whole() -> None:
    queries, keys, _ = _tensors(512, 0)
    lone = Stripe(0, share=1.0, whole=1.0).plan(queries, keys, _SCALE)
    whole = Stripe(0, share=1.0, whole=0.3).plan(queries, keys, _SCALE)
    assert len(whole.blocks) > len(lone.blocks)
    assert len(whole.columns) < len(lone.columns)


def test_hyper_with_every_key_sampled_is_exact() -> None:
    queries, keys, values = _tensors(1024, 512)
    pattern = Hyper(exact=64, block=64, samples=2**20, bits=4)
    want = _dense_map(queries, keys) @ values.repeat_interleave(2, 0)
    torch.testing.assert_close(pattern.attend(queries, keys, values, _SCALE), want, atol=1e-4, rtol=1e-4)


def test_hyper_is_near_dense_and_the_same_every_time() -> None:
    queries, keys, values = _tensors(1500, 100)
    values += 2
    want = _dense_map(queries, keys) @ values.repeat_interleave(2, 0)
    pattern = Hyper(exact=256, block=64, samples=128)
    got = pattern.attend(queries, keys, values, _SCALE)
    assert torch.equal(got, pattern.attend(queries, keys, values, _SCALE))
    assert float((got - want).norm() / want.norm()) < 0.5
    worse = Hyper(exact=256, block=16, samples=16).attend(queries, keys, values, _SCALE)
    assert float((got - want).norm()) < float((worse - want).norm())


def test_auto_is_dense_below_its_length() -> None:
    queries, keys, values = _tensors(200, 100)
    auto = Auto(sparse_from=301, sparse=AShape(1, 1))
    assert torch.equal(
        auto.attend(queries, keys, values, _SCALE), Dense().attend(queries, keys, values, _SCALE)
    )
    auto = Auto(sparse_from=300, sparse=AShape(1, 1))
    sparse = AShape(1, 1).attend(queries, keys, values, _SCALE)
    assert torch.equal(auto.attend(queries, keys, values, _SCALE), sparse)


def test_every_registered_pattern_attends() -> None:
    queries, keys, values = _tensors(70, 130)
    for name in PATTERNS:
        out = PATTERNS.load(name)().attend(queries.bfloat16(), keys.bfloat16(), values.bfloat16(), _SCALE)
        assert out.shape == (4, 70, 16)
        assert out.dtype == torch.bfloat16
    with pytest.raises(NotFound, match=r"prefill pattern named 'flexprefill'.*flex_prefill"):
        PATTERNS.load("flexprefill")


@pytest.mark.parametrize(
    ("pattern", "settings_"),
    [
        (AShape, {"sinks": 0}),
        (AShape, {"window": 0}),
        (VerticalSlash, {"vertical": 29}),
        (VerticalSlash, {"slash": 99}),
        (BlockSparse, {"blocks": -1}),
        (BlockSparse, {"cover": 1.1}),
        (FlexPrefill, {"gamma": -0.1}),
        (FlexPrefill, {"tau": 2.0}),
        (Stripe, {"window": -1}),
        (Stripe, {"share": -1.0}),
        (Stripe, {"samples": 3}),
        (Stripe, {"samples": 0}),
        (Stripe, {"whole": math.nan}),
        (Hyper, {"exact": 0}),
        (Hyper, {"bits": 31}),
        (Auto, {"sparse_from": -1}),
    ],
)
def test_settings_out_of_range(pattern: Any, settings_: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(settings_))):
        pattern(**settings_)
