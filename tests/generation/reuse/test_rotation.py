"""Turning keys: rotations add up, and a part that is not rotated stays."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from skerry.generation.reuse.rotation import Rotation

_FREQUENCIES = 1.0 / 10000 ** (torch.arange(0, 16, 2) / 16)


def _slow(keys: torch.Tensor, by: int) -> torch.Tensor:
    """Pairs of numbers as complex ones, in double precision."""
    pairs = torch.complex(keys[..., :8].double(), keys[..., 8:16].double())
    turned = pairs * torch.exp(1j * by * _FREQUENCIES.double())
    return torch.cat([turned.real, turned.imag, keys[..., 16:].double()], -1)


@given(st.integers(-8000, 8000), st.integers(-500, 500), st.sampled_from([16, 20]))
def test_turns_agree_with_complex_numbers_and_add_up(by: int, more: int, size: int) -> None:
    keys = torch.randn(2, 3, 5, size, generator=torch.Generator().manual_seed(abs(by)))
    rotation = Rotation(_FREQUENCIES)
    turned = rotation.turn(keys, by)
    torch.testing.assert_close(turned.double(), _slow(keys, by), rtol=0, atol=3e-6)
    torch.testing.assert_close(rotation.turn(turned, more), rotation.turn(keys, by + more), rtol=0, atol=3e-6)


def test_nothing_is_done_where_nothing_moves() -> None:
    keys = torch.randn(1, 1, 2, 16)
    assert Rotation(_FREQUENCIES).turn(keys, 0) is keys


def test_bfloat16_is_rounded_once() -> None:
    keys = torch.randn(1, 1, 50, 16, generator=torch.Generator().manual_seed(1)).bfloat16()
    turned = Rotation(_FREQUENCIES).turn(keys, 77)
    assert turned.dtype == torch.bfloat16
    assert torch.equal(turned, _slow(keys, 77).bfloat16()) or (
        (turned.float() - _slow(keys, 77).float()).abs().max() < 0.02
    )
