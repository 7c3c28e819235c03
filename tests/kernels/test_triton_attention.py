"""The Triton kernels beside the slow version: on the GPU where there is one, else in the interpreter."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read when triton is imported
pytest.importorskip("triton", reason="triton is not installed: the kernels of a GPU are not tried")

from skerry.kernels.block_index import BlockIndex
from skerry.kernels.reference import attention as reference
from skerry.kernels.triton.blocks import attend_blocks
from skerry.kernels.triton.join import join
from skerry.kernels.triton.launch import launch_of
from skerry.kernels.triton.ranges import attend_ranges
from skerry.kernels.triton.suffix import attend_suffix

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BF16, FP32 = torch.bfloat16, torch.float32
# heads, KV heads, queries, keys, numbers of a head
SHAPES = ((3, 1, 70, 131, 64), (4, 4, 1, 17, 16), (8, 1, 5, 260, 80), (4, 2, 40, 40, 48), (5, 1, 33, 65, 20))


def drawn(seed: int, dtype: torch.dtype, *shapes: tuple[int, ...]) -> list[Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=rng).to(DEVICE, dtype) for shape in shapes]


def ints(numbers: list[int] | list[list[int]]) -> Tensor:
    return torch.tensor(numbers, dtype=torch.int32, device=DEVICE)


def compare(found: tuple[Tensor, Tensor], wanted: tuple[Tensor, Tensor], dtype: torch.dtype) -> None:
    assert found[0].dtype == dtype and found[1].dtype == FP32
    near = {"atol": 0.02, "rtol": 0.02} if dtype == BF16 else {"atol": 1e-4, "rtol": 1e-4}
    torch.testing.assert_close(found[0].float(), wanted[0].float(), **near)
    torch.testing.assert_close(found[1], wanted[1], atol=1e-4, rtol=1e-5)


def drawn_index(seed: int, heads: int, n: int, m: int, block: int) -> BlockIndex:
    rng = torch.Generator().manual_seed(seed)
    rows = heads * -(-n // block)
    taken = torch.rand(rows, -(-m // block), generator=rng) < 0.4
    free = (torch.rand(rows, m, generator=rng) < 0.1) & ~taken.repeat_interleave(block, 1)[:, :m]
    lists = []
    for which in (taken, free):
        lists += [[0, *which.sum(1).cumsum(0).tolist()], which.nonzero()[:, 1].tolist()]
    return BlockIndex(block, *(ints(numbers) for numbers in lists))


@pytest.mark.parametrize("dtype", [BF16, FP32])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("block", [16, 64])
def test_blocks(dtype: torch.dtype, shape: tuple[int, ...], block: int) -> None:
    heads, kv_heads, n, m, d = shape
    q, k, v = drawn(1, dtype, (heads, n, d), (kv_heads, m, d), (kv_heads, m, d))
    index = drawn_index(2, heads, n, m, block)
    compare(attend_blocks(q, k, v, index, 0.2), reference.attend_blocks(q, k, v, index, 0.2), dtype)


@pytest.mark.parametrize("dtype", [BF16, FP32])
@pytest.mark.parametrize("shape", SHAPES)
def test_suffix(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    heads, kv_heads, n, m, d = shape
    q, k, v = drawn(3, dtype, (heads, n, d), (kv_heads, m, d), (kv_heads, m, d))
    scattered = torch.randint(0, m + 1, (n,), generator=torch.Generator().manual_seed(4)).int().to(DEVICE)
    for limits in (scattered, torch.arange(m - n + 1, m + 1, device=DEVICE, dtype=torch.int32)):
        compare(attend_suffix(q, k, v, limits, 0.2), reference.attend_suffix(q, k, v, limits, 0.2), dtype)


@pytest.mark.parametrize("dtype", [BF16, FP32])
def test_blocks_of_more_queries_than_a_program_has(dtype: torch.dtype) -> None:
    q, k, v = drawn(9, dtype, (2, 200, 144), (1, 300, 144), (1, 300, 144))
    index = drawn_index(10, 2, 200, 300, 128)
    compare(attend_blocks(q, k, v, index, 0.1), reference.attend_blocks(q, k, v, index, 0.1), dtype)


def test_keys_divided_among_programs() -> None:
    q, k, v = drawn(5, FP32, (2, 3, 16), (1, 2500, 16), (1, 2500, 16))
    limits = ints([2500, 0, 700])
    compare(attend_suffix(q, k, v, limits, 0.2), reference.attend_suffix(q, k, v, limits, 0.2), FP32)


@pytest.mark.parametrize("dtype", [BF16, FP32])
@pytest.mark.parametrize("heads", [(3, 1), (8, 2), (20, 1)])
def test_ranges(dtype: torch.dtype, heads: tuple[int, int]) -> None:
    batch, capacity, d = 2, 150, 32
    q, k, v = drawn(6, dtype, (batch, heads[0], d), *[(batch, capacity + 4, heads[1], d)] * 2)
    k, v = k.transpose(1, 2)[:, :, :capacity], v.transpose(1, 2)[:, :, :capacity]
    cut = [[[0, 9], [9, 9], [20, 21], [30, 150]], [], [[5, 5]], [[0, 150]]]
    rows = [cut[at % 4] for at in range(batch * heads[1])]
    starts = ints([0, *torch.tensor([len(row) for row in rows]).cumsum(0).tolist()])
    ranges = ints([each for row in rows for each in row]).view(-1, 2)
    found = attend_ranges(q, k, v, starts, ranges, 0.2)
    compare(found, reference.attend_ranges(q, k, v, starts, ranges, 0.2), dtype)
    shared = attend_ranges(q, k[:1], v[:1], starts, ranges, 0.2)
    copied = attend_ranges(q, k[[0, 0]], v[[0, 0]], starts, ranges, 0.2)
    assert all(map(torch.equal, shared, copied))


def test_joined_parts_are_the_whole() -> None:
    outs, lses = drawn(7, FP32, (5, 3, 4, 16), (5, 3, 4))
    lses[2] = -torch.inf
    lses[:, 1, 1] = -torch.inf
    compare(join(outs, lses, BF16), reference.merge([out.bfloat16() for out in outs], list(lses)), BF16)


@pytest.mark.parametrize("dtype", [BF16, FP32])
@pytest.mark.parametrize("size", [16, 64, 80, 128, 256])
def test_tiles_fit_into_small_cards(dtype: torch.dtype, size: int) -> None:
    launch = launch_of(torch.empty(1, 1, size, dtype=dtype))
    numbers = launch.lanes * (launch.rows + 2 * launch.tile * launch.stages)
    assert numbers * dtype.itemsize <= 99 * 1024


@pytest.mark.skipif(DEVICE != "cuda", reason="there is no GPU")
def test_tensors_on_a_gpu_find_their_way() -> None:
    from skerry.kernels import attention

    q, k, v = drawn(8, BF16, (4, 30, 64), (2, 50, 64), (2, 50, 64))
    limits = torch.arange(21, 51, device=DEVICE, dtype=torch.int32)
    compare(
        attention.attend_suffix(q, k, v, limits, 0.2), reference.attend_suffix(q, k, v, limits, 0.2), BF16
    )
    index = drawn_index(2, 4, 30, 50, 16)
    compare(attention.attend_blocks(q, k, v, index, 0.2), reference.attend_blocks(q, k, v, index, 0.2), BF16)
    given = q[None, :, 0], k[None], v[None], ints([0, 1, 2]), ints([[0, 50], [3, 9]]), 0.2
    compare(attention.attend_ranges(*given), reference.attend_ranges(*given), BF16)


_Q, _K, _LIMITS = torch.zeros(4, 8, 16), torch.zeros(2, 8, 16), torch.ones(8, dtype=torch.int32)
_TWICE = _K.expand(2, *_K.shape)
_STARTS = torch.zeros(5, dtype=torch.int32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: attend_suffix(_Q[0], _K, _K, _LIMITS, 1.0), "dimensions"),
        (lambda: attend_suffix(_Q.half(), _K.half(), _K.half(), _LIMITS, 1.0), "bfloat16 or float32"),
        (lambda: attend_suffix(_Q, _K, _K[:, :7], _LIMITS, 1.0), "one shape"),
        (lambda: attend_suffix(_Q[..., :8], _K, _K, _LIMITS, 1.0), "heads of 8"),
        (lambda: attend_suffix(_Q[:3], _K, _K, _LIMITS, 1.0), "cannot share"),
        (lambda: attend_suffix(_Q, _K.mT.contiguous().mT, _K, _LIMITS, 1.0), "contiguous"),
        (lambda: attend_suffix(_Q, _K, _K, _LIMITS[:7], 1.0), "limits"),
        (lambda: attend_blocks(_Q, _K, _K, BlockIndex(48, *[_STARTS] * 4), 1.0), "a block of 48"),
        (lambda: attend_blocks(_Q[:2], _K, _K, BlockIndex(64, *[_STARTS] * 4), 1.0), "wanted 2"),
        (lambda: attend_blocks(_Q, _K[:, :7], _K[:, :7], BlockIndex(64, *[_STARTS] * 4), 1.0), "at the end"),
        (lambda: attend_ranges(_Q[None, :, 0], _K[None], _K[None], _STARTS, _STARTS, 1.0), "starts must"),
        (lambda: attend_ranges(_Q[:3, :4], _TWICE, _TWICE, _STARTS, _STARTS, 1.0), "3 sequences"),
    ],
)
def test_what_cannot_be(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
