"""Attention to chosen keys beside the slow version: values, invariances, what cannot be."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from skerry.kernels import _native
from skerry.kernels.attention import (
    BlockIndex,
    attend_blocks,
    attend_ranges,
    attend_suffix,
    available,
    merge,
)
from skerry.kernels.reference import attention as reference

BF16, FP32 = torch.bfloat16, torch.float32
TYPES = st.sampled_from([BF16, FP32])
HEADS = st.sampled_from([(1, 1), (3, 3), (3, 1), (9, 3), (8, 2), (4, 1), (8, 1), (5, 1)])
SIZES = st.sampled_from([16, 32, 48, 64, 80, 96, 128, 256, 8, 20])
LENGTHS = st.one_of(
    st.integers(1, 200), st.sampled_from([15, 16, 17, 31, 32, 33, 127, 128, 129, 255, 257, 385])
)
INSTRUCTIONS = ("avx512", "avx2", "baseline")

Rows = tuple[Tensor, Tensor, Tensor]


def ints(numbers: list[int] | list[list[int]]) -> Tensor:
    return torch.tensor(numbers, dtype=torch.int32)


def drawn(
    seed: int, dtype: torch.dtype, heads: tuple[int, int], n: int, m: int, d: int, *, views: bool = False
) -> tuple[torch.Generator, Rows]:
    """Queries (heads, n, d), keys and values (kv_heads, m, d): views into a longer cache where `views`."""
    rng = torch.Generator().manual_seed(seed)
    rows = []
    for count, length in ((heads[0], n), (heads[1], m), (heads[1], m)):
        whole = torch.randn(length + 5, count, d + 3, generator=rng).to(dtype)
        part = whole.transpose(0, 1)[:, 2 : length + 2, :d]
        rows.append(part if views else part.contiguous())
    return rng, (rows[0], rows[1], rows[2])


def drawn_index(
    rng: torch.Generator, heads: int, n: int, m: int, block: int, share: float, lone: float
) -> BlockIndex:
    """Every key block with probability `share`, every key outside of them with probability `lone`."""
    block_starts, blocks, column_starts, columns = [0], [], [0], []
    for _ in range(heads * -(-n // block)):
        taken = torch.rand(-(-m // block), generator=rng) < share
        blocks.append(taken.nonzero().flatten())
        block_starts.append(block_starts[-1] + len(blocks[-1]))
        free = (torch.rand(m, generator=rng) < lone) & ~taken.repeat_interleave(block)[:m]
        columns.append(free.nonzero().flatten())
        column_starts.append(column_starts[-1] + len(columns[-1]))
    return BlockIndex(
        block, ints(block_starts), torch.cat(blocks).int(), ints(column_starts), torch.cat(columns).int()
    )


def whole_index(heads: int, n: int, m: int, block: int) -> BlockIndex:
    rows, wide = heads * -(-n // block), -(-m // block)
    starts = torch.arange(0, rows * wide + 1, wide, dtype=torch.int32)
    none = torch.zeros(rows + 1, dtype=torch.int32)
    return BlockIndex(block, starts, torch.arange(wide, dtype=torch.int32).repeat(rows), none, ints([]))


def drawn_ranges(rng: torch.Generator, rows: int, capacity: int, share: float) -> tuple[Tensor, Tensor]:
    """Ranges of each KV head that hold every row with probability `share`, runs now and then cut in two."""
    starts, ranges = [0], []
    for _ in range(rows):
        seen = torch.rand(capacity, generator=rng) < share
        first = -1
        for row in range(capacity):
            if seen[row] and first < 0:
                first = row
            if first >= 0 and (row + 1 == capacity or not seen[row + 1] or row % 7 == 3):
                ranges.append([first, row + 1])
                first = -1
        starts.append(len(ranges))
    return ints(starts), ints(ranges).reshape(-1, 2)


def compare(found: tuple[Tensor, Tensor], wanted: tuple[Tensor, Tensor], rows: Rows) -> None:
    """Shares are rounded to bfloat16, and so are outputs; in float32 only the order of sums differs."""
    out, lse = found
    assert out.dtype == rows[0].dtype and lse.dtype == FP32
    assert out.shape == wanted[0].shape and lse.shape == wanted[1].shape
    atol, rtol = (0.012, 0.012) if out.dtype == BF16 else (3e-5, 1e-4)
    torch.testing.assert_close(out.float(), wanted[0].float(), atol=atol, rtol=rtol)
    torch.testing.assert_close(lse, wanted[1], atol=1e-4, rtol=1e-5)


@given(
    seed=st.integers(0, 10**6),
    dtype=TYPES,
    heads=HEADS,
    n=LENGTHS,
    before=st.sampled_from([0, 0, 1, 40, 300]),
    d=SIZES,
    views=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_suffix(
    seed: int, dtype: torch.dtype, heads: tuple[int, int], n: int, before: int, d: int, views: bool
) -> None:
    rng, rows = drawn(seed, dtype, heads, n, n + before, d, views=views)
    causal = torch.arange(before + 1, before + n + 1, dtype=torch.int32)
    scattered = torch.randint(0, n + before + 1, (n,), generator=rng, dtype=torch.int32)
    for limits in (causal, scattered):
        found = attend_suffix(*rows, limits, d**-0.5)
        compare(found, reference.attend_suffix(*rows, limits, d**-0.5), rows)


@given(
    seed=st.integers(0, 10**6),
    dtype=TYPES,
    heads=HEADS,
    n=LENGTHS,
    before=st.sampled_from([0, 0, 1, 40, 300]),
    d=SIZES,
    block=st.sampled_from([16, 32, 48, 64, 128, 256]),
    share=st.sampled_from([0.0, 0.1, 0.4, 1.0]),
    lone=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    views=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_blocks(
    seed: int,
    dtype: torch.dtype,
    heads: tuple[int, int],
    n: int,
    before: int,
    d: int,
    block: int,
    share: float,
    lone: float,
    views: bool,
) -> None:
    rng, rows = drawn(seed, dtype, heads, n, n + before, d, views=views)
    index = drawn_index(rng, heads[0], n, n + before, block, share, lone)
    found = attend_blocks(*rows, index, d**-0.5)
    compare(found, reference.attend_blocks(*rows, index, d**-0.5), rows)


@given(
    seed=st.integers(0, 10**6),
    dtype=TYPES,
    heads=HEADS,
    batch=st.integers(1, 3),
    capacity=LENGTHS,
    d=SIZES,
    share=st.sampled_from([0.0, 0.05, 0.5, 0.95, 1.0]),
)
@settings(max_examples=60, deadline=None)
def test_ranges(
    seed: int,
    dtype: torch.dtype,
    heads: tuple[int, int],
    batch: int,
    capacity: int,
    d: int,
    share: float,
) -> None:
    rng = torch.Generator().manual_seed(seed)
    q = torch.randn(batch, heads[0], d, generator=rng).to(dtype)
    k, v = (
        torch.randn(batch, capacity + 9, heads[1], d, generator=rng)
        .to(dtype)
        .transpose(1, 2)[:, :, :capacity]
        for _ in "kv"
    )
    chosen = drawn_ranges(rng, batch * heads[1], capacity, share)
    found = attend_ranges(q, k, v, *chosen, d**-0.5)
    compare(found, reference.attend_ranges(q, k, v, *chosen, d**-0.5), (q, k, v))


@pytest.mark.parametrize("dtype", [BF16, FP32])
def test_long(dtype: torch.dtype) -> None:
    n = 4097
    rng, rows = drawn(1, dtype, (1, 1), n, n, 64)
    q, k, v = rows
    limits = torch.arange(1, n + 1, dtype=torch.int32)
    compare(attend_suffix(*rows, limits, 0.125), reference.attend_suffix(*rows, limits, 0.125), rows)
    index = drawn_index(rng, 1, n, n, 128, 0.2, 0.01)
    compare(attend_blocks(*rows, index, 0.125), reference.attend_blocks(*rows, index, 0.125), rows)
    chosen = drawn_ranges(rng, 1, n, 0.8)
    found = attend_ranges(q[None, :, -1], k[None], v[None], *chosen, 0.125)
    compare(found, reference.attend_ranges(q[None, :, -1], k[None], v[None], *chosen, 0.125), rows)


@pytest.mark.parametrize("dtype", [BF16, FP32])
@pytest.mark.parametrize("block", [16, 64, 128, 192])
def test_all_blocks_are_dense_to_the_bit(dtype: torch.dtype, block: int) -> None:
    _, rows = drawn(2, dtype, (9, 3), 300, 517, 64)
    limits = torch.arange(218, 518, dtype=torch.int32)
    dense = attend_suffix(*rows, limits, 0.125)
    for ours, wanted in zip(attend_blocks(*rows, whole_index(9, 300, 517, block), 0.125), dense, strict=True):
        assert torch.equal(ours, wanted)


@pytest.mark.parametrize("dtype", [BF16, FP32])
def test_a_row_knows_nothing_of_others(dtype: torch.dtype) -> None:
    """Rows alone, in another order, with fewer heads, beside keys that they do not see: the same bits."""
    rng, (q, k, v) = drawn(3, dtype, (6, 2), 150, 333, 64)
    limits = torch.randint(0, 334, (150,), generator=rng, dtype=torch.int32)
    out, lse = attend_suffix(q, k, v, limits, 0.125)
    order = torch.randperm(150, generator=rng)
    for some in (order, order[:1], order[:7], order[:40]):
        again = attend_suffix(q[:, some], k, v, limits[some], 0.125)
        assert torch.equal(again[0], out[:, some]) and torch.equal(again[1], lse[:, some])
    one = attend_suffix(q[3:4], k[1:], v[1:], limits, 0.125)
    assert torch.equal(one[0], out[3:4]) and torch.equal(one[1], lse[3:4])
    most = int(limits[order[0]])
    cut = attend_suffix(q[:, order[:1]], k[:, :most], v[:, :most], limits[order[:1]], 0.125)
    assert torch.equal(cut[0], out[:, order[:1]])


@pytest.mark.parametrize("dtype", [BF16, FP32])
def test_how_ranges_are_cut_and_what_runs_beside_changes_no_bit(dtype: torch.dtype) -> None:
    rng = torch.Generator().manual_seed(4)
    q = torch.randn(2, 6, 64, generator=rng).to(dtype)
    k, v = (torch.randn(2, 2, 3000, 64, generator=rng).to(dtype) for _ in "kv")
    whole = attend_ranges(q, k, v, ints([0, 1, 2, 3, 4]), ints([[0, 2900]] * 4), 0.125)
    edges = [0, 1, 1, 70, 128, 1024, 1025, 2899, 2900]
    parts = [list(pair) for pair in pairwise(edges)]
    cut = attend_ranges(q, k, v, ints([i * len(parts) for i in range(5)]), ints(parts * 4), 0.125)
    alone = attend_ranges(q[1:, 3:], k[1:, 1:], v[1:, 1:], ints([0, 1]), ints([[0, 2900]]), 0.125)
    for ours, wanted, last in zip(cut, whole, alone, strict=True):
        assert torch.equal(ours, wanted) and torch.equal(last, wanted[1:, 3:])


@pytest.mark.parametrize("dtype", [BF16, FP32])
def test_threads_change_no_bit(dtype: torch.dtype) -> None:
    rng, (q, k, v) = drawn(5, dtype, (4, 2), 700, 700, 64)
    limits = torch.arange(1, 701, dtype=torch.int32)
    index = drawn_index(rng, 4, 700, 700, 64, 0.4, 0.05)
    cache = torch.randn(1, 2, 9000, 64, generator=rng).to(dtype)
    chosen = ints([0, 1, 2]), ints([[0, 9000], [5, 8000]])

    def results() -> list[Tensor]:
        found = attend_suffix(q, k, v, limits, 0.125), attend_blocks(q, k, v, index, 0.125)
        return [*found[0], *found[1], *attend_ranges(q[None, :, 0], cache, cache, *chosen, 0.125)]

    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        wanted = results()
        torch.set_num_threads(3)
        with ThreadPoolExecutor(3) as pool:
            for found in pool.map(lambda _: results(), range(4)):
                assert all(torch.equal(ours, theirs) for ours, theirs in zip(found, wanted, strict=True))
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("isa", INSTRUCTIONS)
def test_every_instruction_set(isa: str) -> None:
    rng, rows = drawn(6, FP32, (9, 3), 70, 150, 80)
    q, k, v = rows
    limits = torch.randint(0, 151, (70,), generator=rng, dtype=torch.int32)
    index = drawn_index(rng, 9, 70, 150, 32, 0.3, 0.1)
    chosen = drawn_ranges(rng, 3, 150, 0.7)
    out, lse = torch.empty_like(q), torch.empty(9, 70)
    try:
        _native.attend_suffix(q, k, v, limits, 0.1, out, lse, 2, isa)
    except ValueError as error:
        pytest.skip(str(error))
    compare((out, lse), reference.attend_suffix(*rows, limits, 0.1), rows)
    lists = index.block_starts, index.blocks, index.column_starts, index.columns
    _native.attend_blocks(q, k, v, index.block, *lists, 0.1, out, lse, 2, isa)
    compare((out, lse), reference.attend_blocks(*rows, index, 0.1), rows)
    one = q[:, 0].unsqueeze(0)
    out, lse = torch.empty(1, 9, 80), torch.empty(1, 9)
    _native.attend_ranges(one, k[None], v[None], *chosen, 0.1, out, lse, 2, isa)
    compare((out, lse), reference.attend_ranges(one, k[None], v[None], *chosen, 0.1), rows)


def test_without_bfloat16_in_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    _, rows = drawn(7, BF16, (6, 2), 40, 90, 64)
    limits = torch.arange(51, 91, dtype=torch.int32)
    monkeypatch.setattr(_native, "attention_in_bf16", lambda: False)
    assert not available()
    compare(attend_suffix(*rows, limits, 0.125), reference.attend_suffix(*rows, limits, 0.125), rows)


@given(seed=st.integers(0, 10**6), cuts=st.lists(st.integers(0, 200), min_size=1, max_size=4), dtype=TYPES)
@settings(max_examples=30, deadline=None)
def test_merged_parts_are_the_whole(seed: int, cuts: list[int], dtype: torch.dtype) -> None:
    rng = torch.Generator().manual_seed(seed)
    q = torch.randn(1, 6, 64, generator=rng).to(dtype)
    k, v = (torch.randn(1, 2, 200, 64, generator=rng).to(dtype) for _ in "kv")

    def of(first: int, last: int) -> tuple[Tensor, Tensor]:
        return attend_ranges(q, k, v, ints([0, 1, 2]), ints([[first, last]] * 2), 0.125)

    edges = [0, *sorted(cuts), 200]
    parts = [of(*pair) for pair in pairwise(edges)]
    compare(merge(*zip(*parts, strict=True)), of(0, 200), (q, k, v))


def test_nothing_seen() -> None:
    _, (q, k, v) = drawn(8, BF16, (4, 2), 33, 40, 64)
    out, lse = attend_suffix(q, k, v, torch.zeros(33, dtype=torch.int32), 0.125)
    assert not out.any() and bool((lse == -torch.inf).all())
    none = BlockIndex(32, ints([0] * 9), ints([]), ints([0] * 9), ints([]))
    out, lse = attend_blocks(q, k, v, none, 0.125)
    assert not out.any() and bool((lse == -torch.inf).all())
    nowhere = ints([0, 1, 1]), ints([[7, 7]])
    out, lse = attend_ranges(q[None, :, 0], k[None], v[None], *nowhere, 0.125)
    assert not out.any() and bool((lse == -torch.inf).all())
    joined = merge([out, out], [lse, lse])
    assert not joined[0].any() and bool((joined[1] == -torch.inf).all())


def test_no_queries_no_keys_no_sequences() -> None:
    _, (q, k, v) = drawn(8, FP32, (4, 2), 0, 40, 64)
    assert attend_suffix(q, k, v, ints([]), 0.125)[0].shape == (4, 0, 64)
    none = BlockIndex(32, ints([0]), ints([]), ints([0]), ints([]))
    assert attend_blocks(q, k, v, none, 0.125)[1].shape == (4, 0)
    nothing = torch.empty(1, 2, 0, 64)
    out, lse = attend_suffix(torch.ones(4, 3, 64), nothing[0], nothing[0], ints([0, 0, 0]), 0.125)
    assert not out.any() and bool((lse == -torch.inf).all())
    no_rows = ints([]).reshape(0, 2)
    out, lse = attend_ranges(torch.ones(1, 4, 64), nothing, nothing, ints([0, 0, 0]), no_rows, 0.125)
    assert not out.any() and bool((lse == -torch.inf).all())
    out, lse = attend_ranges(torch.ones(0, 4, 64), nothing[:0], nothing[:0], ints([0]), no_rows, 0.125)
    assert out.shape == (0, 4, 64) and lse.shape == (0, 4)


def test_the_heads_of_a_row_lie_side_by_side() -> None:
    """As a model goes on with them."""
    _, (q, k, v) = drawn(8, BF16, (4, 2), 33, 40, 64)
    limits = torch.arange(8, 41, dtype=torch.int32)
    assert attend_suffix(q, k, v, limits, 0.125)[0].transpose(0, 1).is_contiguous()
    assert attend_blocks(q, k, v, whole_index(4, 33, 40, 32), 0.125)[0].transpose(0, 1).is_contiguous()


def test_large_scores_stay_finite() -> None:
    _, (q, k, v) = drawn(9, FP32, (2, 1), 40, 40, 64)
    limits = torch.arange(1, 41, dtype=torch.int32)
    rows = q * 1000, k * 1000, v
    compare(attend_suffix(*rows, limits, 1.0), reference.attend_suffix(*rows, limits, 1.0), rows)


_Q, _K = torch.zeros(4, 8, 64), torch.zeros(2, 8, 64)
_LIMITS = torch.ones(8, dtype=torch.int32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: attend_suffix(_Q[0], _K, _K, _LIMITS, 1.0), "dimensions"),
        (lambda: attend_suffix(_Q, _K, _K[0], _LIMITS, 1.0), "dimensions"),
        (lambda: attend_suffix(_Q.half(), _K.half(), _K.half(), _LIMITS, 1.0), "bfloat16 or float32"),
        (lambda: attend_suffix(_Q, _K.bfloat16(), _K, _LIMITS, 1.0), "all alike"),
        (lambda: attend_suffix(_Q, _K, _K[:, :7], _LIMITS, 1.0), "different shapes"),
        (lambda: attend_suffix(_Q, _K[..., :32], _K[..., :32], _LIMITS, 1.0), "heads of 64"),
        (lambda: attend_suffix(_Q[:3], _K, _K, _LIMITS, 1.0), "cannot share"),
        (lambda: attend_suffix(_Q, _K[:0], _K[:0], _LIMITS, 1.0), "cannot share"),
        (lambda: attend_suffix(_Q, _K.mT.contiguous().mT, _K, _LIMITS, 1.0), "contiguous"),
        (lambda: attend_suffix(_Q, _K, _K, _LIMITS[:7], 1.0), "limits"),
        (lambda: attend_suffix(_Q, _K, _K, _LIMITS.long(), 1.0), "int32"),
        (lambda: attend_suffix(_Q, _K, _K, _LIMITS * 9, 1.0), "from 0 to 8"),
        (lambda: attend_suffix(_Q, _K, _K, -_LIMITS, 1.0), "from 0 to 8"),
        (lambda: attend_suffix(_Q, _K, _K, _LIMITS, 0.0), "scale"),
        (lambda: attend_suffix(_Q, _K, _K, _LIMITS, float("nan")), "scale"),
    ],
)
def test_what_a_suffix_cannot_be(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ((16, [0, 1, 1, 1], [0], [0] * 5, []), "wanted 5"),
        ((16, [0, 1, 1, 1, 2], [0], [0] * 5, []), "from 0 to 1"),
        ((16, [0, 2, 1, 2, 2], [0, 0], [0] * 5, []), "rise"),
        ((16, [0, 2, 2, 2, 2], [0, 0], [0] * 5, []), "rise"),
        ((16, [0, 1, 1, 1, 1], [-1], [0] * 5, []), "rise"),
        ((16, [0, 1, 1, 1, 1], [1], [0] * 5, []), "from 0 to 1 exclusive"),
        ((16, [0] * 5, [], [0, 1, 1, 1, 1], [8]), "from 0 to 8 exclusive"),
        ((16, [0, 1, 1, 1, 1], [0], [0, 1, 1, 1, 1], [3]), "lone column"),
        ((8, [0] * 5, [], [0] * 5, []), "multiple of 16"),
        ((0, [0] * 5, [], [0] * 5, []), "multiple of 16"),
    ],
)
def test_what_an_index_cannot_be(
    index: tuple[int, list[int], list[int], list[int], list[int]], message: str
) -> None:
    block, *lists = index
    with pytest.raises(ValueError, match=message):
        attend_blocks(_Q, _K, _K, BlockIndex(block, *(ints(numbers) for numbers in lists)), 1.0)


def test_what_an_index_cannot_go_with() -> None:
    none = ints([0] * 5)
    with pytest.raises(ValueError, match="at the end of 7 keys"):
        attend_blocks(_Q, _K[:, :7], _K[:, :7], BlockIndex(16, none, ints([]), none, ints([])), 1.0)
    with pytest.raises(ValueError, match="int32"):
        attend_blocks(_Q, _K, _K, BlockIndex(16, none.long(), ints([]), none, ints([])), 1.0)


@pytest.mark.parametrize(
    ("starts", "ranges", "message"),
    [
        ([0, 1], [[0, 8]], "wanted 3"),
        ([0, 1, 1], [[0, 8], [0, 8]], "from 0 to 2"),
        ([0, 2, 1], [[0, 8]], "starts must rise"),
        ([0, 1, 1], [[0, 9]], "after row 8"),
        ([0, 1, 1], [[-1, 3]], "ascend"),
        ([0, 1, 1], [[4, 3]], "ascend"),
        ([0, 2, 2], [[0, 4], [3, 5]], "ascend"),
    ],
)
def test_what_ranges_cannot_be(starts: list[int], ranges: list[list[int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attend_ranges(_Q[None, :, 0], _K[None], _K[None], ints(starts), ints(ranges), 1.0)


def test_what_ranges_cannot_go_with() -> None:
    starts, ranges = ints([0, 1, 2]), ints([[0, 8], [0, 8]])
    for q, k, message in (
        (_Q[None, :, 0], _K, "dimensions"),
        (_Q[:2, :4, :], _K.expand(3, *_K.shape), "2 sequences"),
        (_Q[None, :3, 0], _K[None], "cannot share"),
        (_Q[None, :, 0, :32], _K[None], "heads of 32"),
    ):
        with pytest.raises(ValueError, match=message):
            attend_ranges(q, k, k, starts, ranges, 1.0)
    with pytest.raises(ValueError, match="2 dimensions"):
        attend_ranges(_Q[None, :, 0], _K[None], _K[None], starts, ranges.flatten(), 1.0)


def test_what_cannot_be_merged() -> None:
    out, lse = torch.zeros(2, 3, 16), torch.zeros(2, 3)
    for outs, lses in (([], []), ([out], [lse, lse]), ([out, out[:1]], [lse, lse]), ([out], [lse[:1]])):
        with pytest.raises(ValueError, match="merge"):
            merge(outs, lses)
