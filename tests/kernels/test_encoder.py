"""The packed encoder beside the slow version: values, sequences for themselves, what cannot be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from skerry.kernels.encoder import LayerWeights, Linear, Norm, PackedEncoder, available
from skerry.kernels.reference.encoder import encoder_states

pytestmark = pytest.mark.skipif(not available(), reason="this processor cannot run the packed encoder")

EPSILON = 1e-12
Rng = np.random.Generator


def bf16(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rounded to bfloat16."""
    bits = np.asarray(values, np.float32).view(np.uint32).astype(np.uint64)
    kept = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16).astype(np.uint32)
    return kept.view(np.float32).astype(np.float64)


def linear(rng: Rng, outputs: int, inputs: int, scale: float = 1.0) -> Linear:
    weight = rng.normal(size=(outputs, inputs)) * scale / inputs**0.5
    return Linear(weight.astype(np.float32), rng.normal(size=outputs).astype(np.float32) * np.float32(0.1))


def norm(rng: Rng, width: int) -> Norm:
    weight, bias = 1 + rng.normal(size=width) * 0.2, rng.normal(size=width) * 0.2
    return Norm(weight.astype(np.float32), bias.astype(np.float32))


def weights(rng: Rng, width: int, middle: int) -> LayerWeights:
    return LayerWeights(
        queries=linear(rng, width, width, 2.0),
        keys=linear(rng, width, width, 2.0),
        values=linear(rng, width, width),
        mixed=linear(rng, width, width),
        after_attention=norm(rng, width),
        inner=linear(rng, middle, width),
        outer=linear(rng, width, middle),
        after_middle=norm(rng, width),
    )


def drawn(seed: int, width: int, middle: int, rows: int) -> tuple[list[LayerWeights], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    layers = [weights(rng, width, middle) for _ in range(2)]
    return layers, rng.normal(size=(rows, width)).astype(np.float32)


SHAPES = st.sampled_from([(16, 1, 2), (32, 2, 64), (32, 1, 50), (96, 2, 160), (64, 1, 128), (144, 3, 98)])


@given(
    shape=SHAPES,
    lengths=st.lists(
        st.sampled_from([1, 2, 3, 7, 8, 9, 15, 16, 17, 47, 48, 49, 97, 130]), min_size=1, max_size=6
    ),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_states_are_those_of_the_slow_version(
    shape: tuple[int, int, int], lengths: list[int], seed: int
) -> None:
    width, heads, middle = shape
    layers, states = drawn(seed, width, middle, sum(lengths))
    encoder = PackedEncoder(layers, heads, EPSILON)
    assert (encoder.layers, encoder.width) == (2, width)
    found = encoder.run(states, lengths, [1, 2])
    assert found.dtype == np.float32 and found.shape == (2, len(states), width)
    exact = encoder_states(states, lengths, layers, heads, EPSILON)
    # Each layer begins where the kernel's last one ended: a number at the border of two roundings may fall to
    # either side, and what follows from that is no fault of the next layer.
    for layer, begins, ours, true in zip(layers, [states, found[0]], found, exact, strict=True):
        [like] = encoder_states(begins, lengths, [layer], heads, EPSILON, bf16)
        assert np.abs(ours - like).max() < 0.05 and np.abs(ours - like).mean() < 0.002
        assert np.abs(ours - true).mean() < 0.02


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    shape=st.sampled_from([(64, 2, 64), (64, 4, 192), (128, 2, 256)]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=20, deadline=None)
def test_eight_bits_change_little(lengths: list[int], shape: tuple[int, int, int], seed: int) -> None:
    width, heads, middle = shape
    layers, states = drawn(seed, width, middle, sum(lengths))
    [found] = PackedEncoder(layers, heads, EPSILON, eight_bits=True).run(states, lengths, [2])
    exact = encoder_states(states, lengths, layers, heads, EPSILON)[1]
    assert np.abs(found - exact).mean() < 0.03
    assert np.corrcoef(found.ravel(), exact.ravel())[0, 1] > 0.999


@pytest.mark.parametrize("eight_bits", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
def test_no_sequence_knows_of_another(eight_bits: bool, threads: int) -> None:
    lengths = [5, 200, 1, 64, 300, 33, 2, 511, 513, 8]
    layers, states = drawn(1, 64, 128, sum(lengths))
    encoder = PackedEncoder(layers, 2, EPSILON, eight_bits)
    together = encoder.run(states, lengths, [1, 2], threads)
    ends = np.cumsum(lengths)
    for start, end in zip(ends - lengths, ends, strict=True):
        alone = encoder.run(states[start:end], [end - start], [1, 2])
        assert alone.tobytes() == together[:, start:end].tobytes()


def test_large_numbers_cost_only_themselves() -> None:
    """In eight bits, a row or a column of another size leaves the others as exact as they were."""
    layers, states = drawn(2, 128, 256, 20)
    large = [
        replace(
            layer,
            after_attention=Norm(
                layer.after_attention.weight * np.where(np.arange(128) == 5, np.float32(30), np.float32(1)),
                layer.after_attention.bias + np.where(np.arange(128) == 9, np.float32(50), np.float32(0)),
            ),
        )
        for layer in layers
    ]
    for each in (layers, large):
        [found] = PackedEncoder(each, 2, EPSILON, eight_bits=True).run(states, [20], [2])
        exact = encoder_states(states, [20], each, 2, EPSILON)[1]
        assert np.corrcoef(found.ravel(), exact.ravel())[0, 1] > 0.998


def test_from_many_threads() -> None:
    layers, states = drawn(3, 32, 64, 50)
    encoder = PackedEncoder(layers, 2, EPSILON)
    wanted = encoder.run(states, [20, 30], [2]).tobytes()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: encoder.run(states, [20, 30], [2], 2).tobytes(), range(20)))
    assert found == [wanted] * 20


def test_no_sequences() -> None:
    layers, _ = drawn(3, 32, 64, 0)
    found = PackedEncoder(layers, 2, EPSILON).run(np.empty((0, 32), np.float32), [], [1, 2])
    assert found.shape == (2, 0, 32)


def test_what_cannot_be_run() -> None:
    layers, states = drawn(4, 32, 64, 10)
    encoder = PackedEncoder(layers, 2, EPSILON)
    for given_states, lengths, depths, message in (
        (states[:, :16], [10], [2], "another width"),
        (states, [9], [2], "number of states"),
        (states, [11], [2], "number of states"),
        (states, [10, 0], [2], "empty"),
        (states, [-1, 11], [2], "empty"),
        (states, [10], [], "depths"),
        (states, [10], [0], "depths"),
        (states, [10], [3], "depths"),
        (states, [10], [2, 1], "rise"),
        (states, [10], [1, 1], "rise"),
    ):
        with pytest.raises(ValueError, match=message):
            encoder.run(given_states, lengths, depths)


def test_what_cannot_be_an_encoder() -> None:
    [layer, _], _ = drawn(5, 32, 64, 0)
    other = drawn(5, 48, 64, 0)[0][0]
    odd = drawn(5, 32, 63, 0)[0][0]
    for layers, heads, epsilon, eight_bits, message in (
        ([], 2, EPSILON, False, "no layers"),
        ([layer], 3, EPSILON, False, "multiple of 16"),
        ([layer], 4, EPSILON, False, "multiple of 16"),
        ([layer], 0, EPSILON, False, "multiple of 16"),
        ([layer], 2, 0.0, False, "epsilon"),
        ([layer], 2, EPSILON, True, "multiples of 64"),
        ([odd], 2, EPSILON, False, "even"),
        ([layer, other], 2, EPSILON, False, "shape"),
        ([replace(layer, mixed=other.mixed)], 2, EPSILON, False, "mixed has another shape"),
        ([replace(layer, outer=layer.inner)], 2, EPSILON, False, "outer has another shape"),
        ([replace(layer, after_middle=other.after_middle)], 2, EPSILON, False, "norm"),
    ):
        with pytest.raises(ValueError, match=message):
            PackedEncoder(layers, heads, EPSILON if epsilon else 0.0, eight_bits)
