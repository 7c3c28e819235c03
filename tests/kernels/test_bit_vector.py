"""The native bit vector against the reference, at every block border, and its damage."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from skerry.core.errors import IndexCorrupt
from skerry.kernels._native import BitVector, DamagedSection
from skerry.kernels.bit_vector import open_bit_vector, write_bit_vector
from skerry.kernels.reference.bit_vector import ReferenceBitVector

BORDERS = [0, 1, 7, 8, 9, 63, 64, 65, 127, 128, 447, 448, 449, 511, 512, 513, 895, 896, 897, 1023, 1024, 1025]
BORDERS += [3583, 3584, 3585, 4095, 4096, 4097, 10_000, 10_751, 10_752, 10_753]
DENSITIES = [0.0, 0.0005, 0.02, 0.5, 0.98, 0.9995, 1.0]


def random_bits(size: int, density: float, seed: int) -> NDArray[np.uint8]:
    return (np.random.default_rng(seed).random(size) < density).astype(np.uint8)


def assert_same(native: BitVector, slow: ReferenceBitVector) -> None:
    assert (len(native), native.ones, native.zeros) == (len(slow), slow.ones, slow.zeros)
    positions = np.arange(len(slow) + 1)
    for portable in (False, True):
        np.testing.assert_array_equal(native.rank1(positions, portable=portable), slow.rank1(positions))
        np.testing.assert_array_equal(native.rank0(positions, portable=portable), slow.rank0(positions))
        ones, zeros = np.arange(slow.ones), np.arange(slow.zeros)
        np.testing.assert_array_equal(native.select1(ones, portable=portable), slow.select1(ones))
        np.testing.assert_array_equal(native.select0(zeros, portable=portable), slow.select0(zeros))
    np.testing.assert_array_equal(native.access(positions[:-1]), slow.bits)


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("size", BORDERS)
def test_borders(size: int, density: float) -> None:
    bits = random_bits(size, density, size)
    assert_same(BitVector.from_bits(bits), ReferenceBitVector(bits))


@st.composite
def bit_arrays(draw: st.DrawFn) -> NDArray[np.uint8]:
    """Runs of zeros, ones and noise: what makes sparse samples and full blocks meet."""
    parts = draw(
        st.lists(st.tuples(st.integers(0, 2000), st.sampled_from(DENSITIES), st.integers(0, 99)), max_size=8)
    )
    return np.concatenate([random_bits(*part) for part in parts] or [np.zeros(0, np.uint8)])


@settings(max_examples=150, deadline=None)
@given(bit_arrays())
def test_any_bits(bits: NDArray[np.uint8]) -> None:
    assert_same(BitVector.from_bits(bits), ReferenceBitVector(bits))


@settings(max_examples=100, deadline=None)
@given(bit_arrays())
def test_words_bools_and_sections_agree(bits: NDArray[np.uint8]) -> None:
    native = BitVector.from_bits(bits)
    padded = np.zeros((len(bits) + 63) // 64 * 64, np.uint8)
    padded[: len(bits)] = bits
    words = np.packbits(padded, bitorder="little").view(np.uint64)
    section = native.section().tobytes()
    assert BitVector.from_words(words, len(bits)).section().tobytes() == section
    assert BitVector.from_bits(bits.astype(np.bool_)).section().tobytes() == section
    assert_same(BitVector.from_section(aligned(section)), ReferenceBitVector(bits))


@settings(max_examples=60, deadline=None)
@given(bit_arrays(), st.integers(1, 3), st.booleans())
def test_strided_queries(bits: NDArray[np.uint8], step: int, unsigned: bool) -> None:
    native, slow = BitVector.from_bits(bits), ReferenceBitVector(bits)
    positions = np.arange(len(bits) + 1)[::-step]
    queries = positions.astype(np.uint64)[::1] if unsigned else positions
    np.testing.assert_array_equal(native.rank1(queries), slow.rank1(positions))


def test_bits_beyond_the_size_are_ignored() -> None:
    words = np.full(2, np.uint64(2**64 - 1))
    assert BitVector.from_words(words, 70).ones == 70


def test_a_large_sparse_vector() -> None:
    """Blocks between two samples are many: the search in between must find them."""
    size = 30_000_000
    positions = np.unique(np.random.default_rng(3).integers(0, size, 2_000))
    bits = np.zeros(size, np.uint8)
    bits[positions] = 1
    native = BitVector.from_bits(bits)
    np.testing.assert_array_equal(native.select1(np.arange(len(positions))), positions)
    np.testing.assert_array_equal(native.rank1(positions), np.arange(len(positions)))
    np.testing.assert_array_equal(native.rank1(positions + 1), np.arange(len(positions)) + 1)
    zeros = np.random.default_rng(4).integers(0, native.zeros, 10_000)
    found = native.select0(zeros)
    np.testing.assert_array_equal(native.rank0(found), zeros)
    assert not native.access(found).any()


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_out_of_range(dtype: type) -> None:
    native = BitVector.from_bits(np.array([1, 0, 1], np.uint8))
    for method, bad in (("rank1", 4), ("rank0", 4), ("select1", 2), ("select0", 1), ("access", 3)):
        with pytest.raises(IndexError, match=rf"{bad} \(query 1\) is not in"):
            getattr(native, method)(np.array([0, bad], dtype))
        assert len(getattr(native, method)(np.array([], dtype))) == 0
    with pytest.raises(IndexError, match=r"-1 \(query 0\)"):
        native.rank1(np.array([-1]))
    empty = BitVector.from_bits(np.zeros(0, np.uint8))
    assert empty.rank1(np.array([0])).tolist() == [0]
    with pytest.raises(IndexError):
        empty.access(np.array([0]))


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="0 or 1"):
        BitVector.from_bits(np.array([0, 2], np.uint8))
    for size in (0, 64, 129, 2**63):
        with pytest.raises(ValueError, match="do not hold"):
            BitVector.from_words(np.zeros(2, np.uint64), size)
    vector = BitVector.from_bits(np.ones(4, np.uint8))
    for queries in (np.array([0.5]), np.array([1], np.int32), np.array([[1]]), [1]):
        with pytest.raises(TypeError):
            vector.rank1(queries)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        BitVector.from_bits(np.ones((2, 2), np.uint8))
    with pytest.raises(ValueError, match="0 or 1"):
        ReferenceBitVector(np.array([3], np.uint8))
    with pytest.raises(IndexError):
        ReferenceBitVector(np.array([1], np.uint8)).select1(np.array([1]))


def aligned(data: bytes) -> NDArray[np.uint8]:
    """A copy that starts at a multiple of 8."""
    copy = np.zeros((len(data) + 7) // 8, np.uint64).view(np.uint8)[: len(data)]
    copy[:] = np.frombuffer(data, np.uint8)
    return copy


def test_every_flipped_byte_is_found() -> None:
    section = BitVector.from_bits(random_bits(1500, 0.3, 1)).section().tobytes()
    for at in range(len(section)):
        data = aligned(section)
        data[at] ^= 1 << (at % 8)
        with pytest.raises(DamagedSection):
            BitVector.from_section(data)


def test_every_cut_is_found() -> None:
    section = BitVector.from_bits(random_bits(1500, 0.3, 1)).section().tobytes()
    for length in range(len(section)):
        with pytest.raises(DamagedSection):
            BitVector.from_section(aligned(section[:length]), verify=False)
    with pytest.raises(DamagedSection):
        BitVector.from_section(aligned(section + bytes(64)))
    with pytest.raises(ValueError, match="multiple of 8"):
        BitVector.from_section(aligned(b"\0" + section)[1:])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 40))
def test_damage_that_was_not_looked_for_stays_inside(seed: int, flips: int) -> None:
    """Opened without verification, a damaged payload may answer wrongly but reads nothing outside of it."""
    random = np.random.default_rng(seed)
    data = aligned(BitVector.from_bits(random_bits(4000, 0.4, 2)).section().tobytes())
    data[random.integers(64, len(data), flips)] = random.integers(0, 256, flips)
    vector = BitVector.from_section(data, verify=False)
    assert (vector.select1(np.arange(vector.ones)) <= 4000).all()
    assert (vector.select0(np.arange(vector.zeros)) <= 4000).all()
    vector.rank1(np.arange(4001))


def test_the_section_outlives_its_vector() -> None:
    bits = random_bits(5000, 0.5, 9)
    section = BitVector.from_bits(bits).section()
    gc.collect()
    again = BitVector.from_section(section)
    del section
    gc.collect()
    assert_same(again, ReferenceBitVector(bits))
    with pytest.raises(ValueError, match="read-only"):
        again.section()[0] = 1


def test_files(tmp_path: Path) -> None:
    bits = random_bits(10_000, 0.1, 5)
    path = tmp_path / "bits"
    write_bit_vector(path, BitVector.from_bits(bits))
    assert_same(open_bit_vector(path), ReferenceBitVector(bits))

    data = path.read_bytes()
    (tmp_path / "two").write_bytes(bytes(128) + data + data)
    found = open_bit_vector(tmp_path / "two", offset=128, length=len(data), verify=False)
    assert_same(found, ReferenceBitVector(bits))

    flipped = bytearray(data)
    flipped[500] ^= 4
    (tmp_path / "flipped").write_bytes(flipped)
    (tmp_path / "cut").write_bytes(data[:-1])
    (tmp_path / "empty").write_bytes(b"")
    for name in ("flipped", "cut", "empty", "missing"):
        with pytest.raises(IndexCorrupt, match=name):
            open_bit_vector(tmp_path / name)
    for offset in (-64, 1, 64, len(data) + 64):
        with pytest.raises(IndexCorrupt):
            open_bit_vector(path, offset=offset)


def test_threads_share_a_vector() -> None:
    bits = random_bits(200_000, 0.5, 11)
    native, slow = BitVector.from_bits(bits), ReferenceBitVector(bits)
    positions = np.random.default_rng(1).integers(0, len(bits) + 1, 300_000)
    expected = slow.rank1(positions)
    same: list[bool] = []
    threads = [
        threading.Thread(target=lambda: same.append(bool((native.rank1(positions) == expected).all())))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 4
