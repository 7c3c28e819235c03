"""The slow version of `kernels.encoder`: each sequence by itself, in float64, written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import erf

import numpy as np
from numpy.typing import NDArray

from skerry.kernels.encoder import LayerWeights, Linear, Norm

Array = NDArray[np.float64]
Rounding = Callable[[Array], Array]


def encoder_states(
    states: NDArray[np.float32],
    lengths: Sequence[int],
    layers: Sequence[LayerWeights],
    heads: int,
    epsilon: float,
    rounding: Rounding = lambda values: values,
) -> list[Array]:
    """The states after every layer, each of shape (rows, width).

    Args:
        states: of all sequences, one behind the other, (rows, width).
        lengths: rows of each sequence.
        rounding: of what goes into a product.
    """
    ends = np.cumsum(lengths)
    after: list[list[Array]] = [[] for _ in layers]
    for start, end in zip(ends - lengths, ends, strict=True):
        x = states[start:end].astype(np.float64)
        for number, layer in enumerate(layers):
            x = _layer(x, layer, heads, epsilon, rounding)
            after[number].append(x)
    return [np.concatenate(parts) for parts in after]


def _layer(x: Array, layer: LayerWeights, heads: int, epsilon: float, rounding: Rounding) -> Array:
    def linear(rows: Array, of: Linear) -> Array:
        weight = rounding(of.weight.astype(np.float64))
        return np.asarray(rounding(rows) @ weight.T + of.bias)

    size = x.shape[1] // heads
    # As in the kernel, queries are scaled and the softmax is of powers of two: both round the same numbers.
    scale = np.float32(np.log2(np.e) / size**0.5)
    queries = linear(x, Linear(layer.queries.weight * scale, layer.queries.bias * scale))
    keys, values = linear(x, layer.keys), linear(x, layer.values)
    mixed = np.empty_like(x)
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        scores = rounding(queries[:, part]) @ rounding(keys[:, part]).T
        shares = np.exp2(scores - scores.max(1, keepdims=True))
        mixed[:, part] = rounding(shares) @ rounding(values[:, part]) / shares.sum(1, keepdims=True)
    x = _norm(x + linear(mixed, layer.mixed), layer.after_attention, epsilon)
    inner = linear(x, layer.inner)
    inner = inner * (1 + np.vectorize(erf)(inner / 2**0.5)) / 2
    return _norm(x + linear(inner, layer.outer), layer.after_middle, epsilon)


def _norm(x: Array, norm: Norm, epsilon: float) -> Array:
    apart = x - x.mean(1, keepdims=True)
    scaled = apart / np.sqrt((apart**2).mean(1, keepdims=True) + epsilon)
    return np.asarray(scaled * norm.weight + norm.bias)
