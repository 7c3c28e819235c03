"""The planning of stripes beside its slow version."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.kernels import stripes
from skerry.kernels.block_index import BlockIndex
from skerry.kernels.reference import stripes as reference
from skerry.kernels.reference.attention import block_mask

pytestmark = pytest.mark.skipif(not stripes.available(), reason="needs AVX-512 with bfloat16")

_SETTINGS: dict[str, Any] = {
    "block": 128,
    "samples": 4,
    "first_keys": 4,
    "window": 0,
    "share": 1.5,
    "whole": 0.7,
}


def _rows(
    n: int, m: int, size: int = 32, kv_heads: int = 2, group: int = 3
) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(n + m)
    q = torch.randn(kv_heads * group, n, size, generator=random)
    k = torch.randn(kv_heads, m, size, generator=random)
    # Neighbours are alike, as in text: else means are near zero.
    common = torch.randn(kv_heads * group, 1 + n // 64, size, generator=random).repeat_interleave(64, 1)
    return (q + 2 * common[:, :n]).bfloat16(), k.bfloat16()


def _mask(index: BlockIndex, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    return block_mask(index, q.shape[0], q.shape[1], k.shape[1])


@given(
    lengths=st.tuples(st.integers(1, 700), st.integers(0, 700)),
    samples=st.sampled_from([1, 2, 4, 8, 32]),
    share=st.sampled_from([0.5, 1.5, 6.0]),
    whole=st.sampled_from([0.0, 0.3, 0.7, 1.0]),
    block=st.sampled_from([64, 128]),
    window=st.sampled_from([0, 1, 128, 300]),
)
@settings(max_examples=40, deadline=None)
def test_it_takes_what_the_slow_version_takes(
    lengths: tuple[int, int], samples: int, share: float, whole: float, block: int, window: int
) -> None:
    q, k = _rows(lengths[0], sum(lengths))
    chosen = {**_SETTINGS, "samples": samples, "whole": whole, "block": block, "window": window}
    got = _mask(stripes.plan_stripes(q, k, 0.18, **{**chosen, "share": share}), q, k)
    # Mean queries are rounded: keys near the border may fall to either side.
    surely = _mask(reference.plan_stripes(q, k, 0.18, **{**chosen, "share": share * 1.04}), q, k)
    maybe = _mask(reference.plan_stripes(q, k, 0.18, **{**chosen, "share": share / 1.04}), q, k)
    assert not (surely & ~got).any()
    assert not (got & ~maybe).any()


def test_views_and_threads_change_nothing() -> None:
    q, k = _rows(400, 1000)
    want = stripes.plan_stripes(q, k, 0.18, **_SETTINGS)
    kept = torch.zeros(2, 1500, 48, dtype=torch.bfloat16)
    kept[:, :1000, :32] = k
    queries = q.transpose(0, 1).contiguous().transpose(0, 1)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        got = stripes.plan_stripes(queries, kept[:, :1000, :32], 0.18, **_SETTINGS)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(_mask(want, q, k), _mask(got, q, k))
    assert torch.equal(want.columns, got.columns)
    assert torch.equal(want.block_starts, got.block_starts)


def test_an_index_fits_the_attention_kernel() -> None:
    from skerry.kernels.attention import attend_blocks

    q, k = _rows(300, 777)
    out, lse = attend_blocks(q, k, k, stripes.plan_stripes(q, k, 0.18, **_SETTINGS), 0.18)
    assert out.isfinite().all()
    assert lse.isfinite().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": 3}, "power of two"),
        ({"samples": 64}, "power of two"),
        ({"samples": 0}, "power of two"),
        ({"block": 120, "samples": 1}, "multiple of 16"),
        ({"share": -1.0}, "share"),
        ({"whole": -0.1}, "share"),
    ],
)
def test_numbers_that_cannot_be(change: dict[str, Any], message: str) -> None:
    q, k = _rows(20, 30)
    with pytest.raises(ValueError, match=message):
        stripes.plan_stripes(q, k, 0.18, **{**_SETTINGS, **change})


def test_tensors_that_cannot_be() -> None:
    q, k = _rows(20, 30)
    for queries, keys, message in (
        (q.float(), k, "bfloat16"),
        (q, k[:, :10], "at the end of"),
        (q[:4], torch.cat([k, k[:1]]), "multiple of the KV heads"),
        (q[..., :16], k, "one even size"),
        (q[..., ::2], k[..., ::2], "contiguous"),
    ):
        with pytest.raises(ValueError, match=message):
            stripes.plan_stripes(queries, keys, 0.18, **_SETTINGS)
    with pytest.raises(ValueError, match="scale"):
        stripes.plan_stripes(q, k, 0.0, **_SETTINGS)
