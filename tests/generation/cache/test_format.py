"""A stored value: the same bits back, or an error that says why not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.core.errors import InvalidInput
from skerry.generation.cache.passage_kv import PassageKV, StoreKey
from skerry.generation.cache.store.format import (
    HEADER_BYTES,
    DamagedValue,
    Kind,
    check,
    decode,
    encode,
    stored_digest,
)
from skerry.generation.cache.store.quantise import quantise, restore

_DIGEST = bytes(range(16))


def _bytes(kv: PassageKV, digest: bytes = _DIGEST, kind: Kind = "same") -> bytes:
    return b"".join(encode(digest, kv, kind))


def _buffer(data: bytes | bytearray) -> memoryview:
    return memoryview(bytearray(data))


def _same(one: PassageKV, other: PassageKV) -> bool:
    return (
        torch.equal(one.keys, other.keys)
        and torch.equal(one.values, other.values)
        and one.keys.dtype == other.keys.dtype
        and (one.start, one.sentence_ends) == (other.start, other.sentence_ends)
    )


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 40), st.integers(1, 9)),
    dtype=st.sampled_from([torch.bfloat16, torch.float16, torch.float32]),
    start=st.integers(0, 10_000),
    seed=st.integers(0, 2**31),
)
def test_round_trip_is_exact(shape: tuple[int, ...], dtype: torch.dtype, start: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    keys, values = (torch.randn(shape, generator=generator).to(dtype) for _ in range(2))
    kv = PassageKV(keys, values, start, tuple(range(1, shape[2] + 1)))
    data = _bytes(kv)
    assert len(data) == HEADER_BYTES + kv.nbytes + 4 * shape[2]
    assert _same(decode(_DIGEST, _buffer(data), "same"), kv)


def test_views_that_are_not_contiguous_are_stored_as_they_read(make_kv: Callable[..., PassageKV]) -> None:
    kv = make_kv()
    turned = PassageKV(kv.keys.transpose(1, 3), kv.values.transpose(1, 3), 5, (32,))
    assert not turned.keys.is_contiguous()
    assert _same(decode(_DIGEST, _buffer(_bytes(turned)), "same"), turned)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_eight_bits_are_near(make_kv: Callable[..., PassageKV], dtype: torch.dtype) -> None:
    kv = make_kv(dtype=dtype, size=64)
    data = _bytes(kv, kind="int8")
    back = decode(_DIGEST, _buffer(data), "int8")
    assert back.keys.dtype == dtype and back.sentence_ends == kv.sentence_ends
    assert len(data) < 0.6 * len(_bytes(kv))
    for told, exact in ((back.keys, kv.keys), (back.values, kv.values)):
        scale = exact.float().abs().amax(-1, keepdim=True) / 127
        rounding = exact.float().abs() * torch.finfo(dtype).eps
        assert bool(((told.float() - exact.float()).abs() <= scale / 2 + rounding + 1e-7).all())


def test_rows_of_zeros_stay_zero_in_eight_bits() -> None:
    numbers, scales = quantise(torch.zeros(2, 3))
    assert not restore(numbers, scales, torch.float32).any()


def test_every_flipped_byte_is_noticed(make_kv: Callable[..., PassageKV]) -> None:
    data = bytearray(_bytes(make_kv(tokens=4)))
    for place in range(len(data)):
        data[place] ^= 1 << (place % 8)
        with pytest.raises(DamagedValue):
            decode(_DIGEST, _buffer(data), "same")
        data[place] ^= 1 << (place % 8)
    decode(_DIGEST, _buffer(data), "same")


def test_every_torn_end_is_noticed(make_kv: Callable[..., PassageKV]) -> None:
    data = _bytes(make_kv(tokens=4))
    for length in range(len(data)):
        with pytest.raises(DamagedValue):
            decode(_DIGEST, _buffer(data[:length]), "same")
    with pytest.raises(DamagedValue):
        decode(_DIGEST, _buffer(data + b"\0"), "same")


def test_a_value_is_read_under_its_own_name_and_kind_only(
    make_kv: Callable[..., PassageKV], make_key: Callable[..., StoreKey]
) -> None:
    kv, key = make_kv(), make_key(1)
    names = [
        stored_digest(other, kind)
        for other in (key, make_key(2), make_key(1, model="cc" * 16), make_key(1, prompt="cc" * 16))
        for kind in ("same", "int8")
    ]
    assert len(set(names)) == len(names)
    data = _buffer(_bytes(kv, names[0]))
    decode(names[0], data, "same")
    for name in names[1:]:
        with pytest.raises(DamagedValue, match="another name"):
            decode(name, data, "same")
    with pytest.raises(DamagedValue, match="another type"):
        decode(names[0], data, "int8")


@pytest.mark.parametrize("part", ["", "abc", "g" * 32, "a:b" * 8, "AA" * 16, "a" * 200])
def test_a_key_has_digests_only(part: str) -> None:
    with pytest.raises(InvalidInput, match="digest"):
        StoreKey("aa" * 16, part, "bb" * 16)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda kv: PassageKV(kv.keys[0], kv.values[0], 0, (32,)), "shape"),
        (lambda kv: PassageKV(kv.keys[:1], kv.values, 0, (32,)), "shape"),
        (lambda kv: PassageKV(kv.keys[:, :, :0], kv.values[:, :, :0], 0, (0,)), "0"),
        (lambda kv: PassageKV(kv.keys, kv.values.float(), 0, (32,)), "one type"),
        (lambda kv: PassageKV(kv.keys.int(), kv.values.int(), 0, (32,)), "none of"),
        (lambda kv: PassageKV(kv.keys, kv.values, -1, (32,)), "position -1"),
        (lambda kv: PassageKV(kv.keys, kv.values, 0, ()), "sentence ends"),
        (lambda kv: PassageKV(kv.keys, kv.values, 0, (16, 16, 32)), "sentence ends"),
        (lambda kv: PassageKV(kv.keys, kv.values, 0, (0, 32)), "sentence ends"),
        (lambda kv: PassageKV(kv.keys, kv.values, 0, (16,)), "sentence ends"),
    ],
)
def test_what_is_no_passage_is_refused(
    make_kv: Callable[..., PassageKV], change: Callable[[PassageKV], PassageKV], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        check(change(make_kv()))
