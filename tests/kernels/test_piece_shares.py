"""What pieces of a cache get of a query's attention, beside the slow version."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from skerry.kernels import _native
from skerry.kernels.attention import available, piece_shares
from skerry.kernels.reference import attention as reference

TYPES = st.sampled_from([torch.bfloat16, torch.float32])


def drawn(
    seed: int, dtype: torch.dtype, batch: int, heads: tuple[int, int], rows: int, size: int, pieces: int
) -> tuple[Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    q = torch.randn(batch, heads[0], size, generator=rng).to(dtype)
    k = torch.randn(batch, heads[1], rows + 3, size, generator=rng).to(dtype)[:, :, 2:-1]
    bounds = torch.randint(0, rows + 1, (batch, pieces + 1), generator=rng, dtype=torch.int32)
    return q, k, bounds.sort(dim=1).values


@settings(deadline=None, max_examples=80)
@given(
    st.integers(0, 2**32),
    TYPES,
    st.integers(1, 3),
    st.sampled_from([(1, 1), (3, 1), (9, 3), (8, 2), (5, 1)]),
    st.one_of(st.integers(1, 200), st.sampled_from([127, 128, 129, 1000, 4097])),
    st.sampled_from([16, 48, 64, 96, 20]),
    st.integers(1, 40),
)
def test_shares(
    seed: int, dtype: torch.dtype, batch: int, heads: tuple[int, int], rows: int, size: int, pieces: int
) -> None:
    q, k, bounds = drawn(seed, dtype, batch, heads, rows, size, pieces)
    given = piece_shares(q, k, bounds, size**-0.5)
    torch.testing.assert_close(given, reference.piece_shares(q, k, bounds, size**-0.5), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("isa", ["avx512", "avx2", "baseline"])
def test_every_instruction_set(isa: str) -> None:
    q, k, bounds = drawn(0, torch.float32, 2, (9, 3), 300, 64, 7)
    out = torch.empty(2, 3, 7)
    try:
        _native.piece_shares(
            q.__dlpack__(), k.__dlpack__(), bounds.__dlpack__(), 0.1, out.__dlpack__(), 1, isa
        )
    except ValueError as error:
        pytest.skip(str(error))
    torch.testing.assert_close(out, reference.piece_shares(q, k, bounds, 0.1), rtol=1e-4, atol=1e-5)


def test_without_bfloat16_in_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    q, k, bounds = drawn(1, torch.bfloat16, 1, (3, 1), 50, 64, 5)
    expected = reference.piece_shares(q, k, bounds, 0.125)
    monkeypatch.setattr("skerry.kernels.attention.available", lambda: False)
    torch.testing.assert_close(piece_shares(q, k, bounds, 0.125), expected, rtol=1e-4, atol=1e-5)


def test_neighbours_threads_and_a_longer_cache_change_no_bit() -> None:
    q, k, bounds = drawn(2, torch.bfloat16 if available() else torch.float32, 2, (9, 3), 2000, 64, 30)
    given = piece_shares(q, k, bounds, 0.125)
    assert torch.equal(piece_shares(q[1:], k[1:], bounds[1:], 0.125), given[1:])
    longer = torch.cat([k, torch.full_like(k, 9.0)], dim=2)
    assert torch.equal(piece_shares(q, longer, bounds, 0.125), given)
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert torch.equal(piece_shares(q, k, bounds, 0.125), given)
    finally:
        torch.set_num_threads(threads)


def test_large_scores_and_nothing_at_all() -> None:
    q, k = torch.full((1, 1, 16), 1e4), torch.ones(1, 1, 8, 16)
    k[0, 0, 3] = 2.0
    shares = piece_shares(q, k, torch.tensor([[0, 3, 4, 8]], dtype=torch.int32), 1.0)
    assert shares.flatten().tolist() == [0.0, 1.0, 0.0]
    assert piece_shares(q, k, torch.tensor([[5, 5]], dtype=torch.int32), 1.0).flatten().tolist() == [0.0]


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ([[0, 3, 2]], "bounds must ascend"),
        ([[-1, 3]], "rows 0 to 8"),
        ([[0, 9]], "rows 0 to 8"),
        ([[0, 3], [0, 3]], "sequences"),
    ],
)
def test_what_bounds_cannot_be(bounds: list[list[int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        piece_shares(
            torch.ones(1, 1, 16), torch.ones(1, 1, 8, 16), torch.tensor(bounds, dtype=torch.int32), 1.0
        )


def test_what_bounds_cannot_go_with() -> None:
    q, k, bounds = torch.ones(1, 2, 16), torch.ones(1, 1, 8, 16), torch.tensor([[0, 8]], dtype=torch.int32)
    for call, message in (
        (lambda: piece_shares(q, k, bounds.long(), 1.0), "int32"),
        (lambda: piece_shares(q, k, bounds, 0.0), "above 0"),
        (lambda: piece_shares(q.double(), k.double(), bounds, 1.0), "bfloat16 or float32"),
        (lambda: piece_shares(q[..., :8], k, bounds, 1.0), "numbers for keys"),
        (lambda: piece_shares(torch.ones(1, 3, 16), torch.ones(1, 2, 8, 16), bounds, 1.0), "cannot share"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
