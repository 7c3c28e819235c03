"""The layers of a post-norm transformer encoder (BERT, Devlin et al. 2019) over sequences without padding.

Sequences lie one behind the other; only attention knows where each ends. Products are of bfloat16 numbers
summed in float32, or, for the two layers of the middle, of eight bits; residuals, norms and the softmax are
float32. What a sequence gives depends on that sequence alone: never, not even by rounding, on what runs
beside it. The loops run in native code without the GIL; `kernels/reference/encoder.py` is the slow version.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skerry.kernels import _native

__all__ = ["LayerWeights", "Linear", "Norm", "PackedEncoder", "available"]

_PACK = 512
"""Rows whose states stay in a processor's cache."""


@dataclass(frozen=True, slots=True)
class Linear:
    """`weight` float32 of shape (outputs, inputs), `bias` (outputs,)."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer norm's `weight` and `bias`, float32 of shape (width,)."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """One layer: attention and what mixes its heads, then the middle, whose inner part ends in GELU."""

    queries: Linear
    keys: Linear
    values: Linear
    mixed: Linear
    after_attention: Norm
    inner: Linear
    outer: Linear
    after_middle: Norm


def available() -> bool:
    """Whether this processor can run it: x86-64 with AVX-512, its bfloat16 products and VNNI."""
    return _native.encoder_available()


class PackedEncoder:
    """An encoder's layers. Safe to run from several threads.

    Args:
        layers: at least one.
        heads: of attention, each a multiple of 16 wide.
        epsilon: of the norms.
        eight_bits: the middle's products in eight bits, with a scale for each 64 inputs: about a quarter
            faster, and three times as far from float32. Widths are then multiples of 64.

    Attributes:
        width: numbers of a state.
        layers: how many.

    Raises:
        ValueError: weights whose shapes do not fit, or a processor that cannot run it.
    """

    def __init__(
        self, layers: Sequence[LayerWeights], heads: int, epsilon: float, eight_bits: bool = False
    ) -> None:
        if not layers:
            raise ValueError("there are no layers")
        if not available():
            raise ValueError("this processor has no AVX-512 with bfloat16 and VNNI")
        self.width = int(layers[0].queries.weight.shape[0])
        self.layers = len(layers)
        self._encoder = _native.Encoder(heads, self.width, epsilon)
        # The softmax is of powers of two.
        scale = np.float32(math.log2(math.e) / math.sqrt(self.width // heads))
        for layer in layers:
            joint = (layer.queries, layer.keys, layer.values)
            weight, bias = _floats(np.concatenate([of.weight for of in joint])), [of.bias for of in joint]
            weight[: self.width] *= scale
            self._encoder.add(
                weight,
                _floats(np.concatenate([bias[0] * scale, *bias[1:]])),
                *_both(layer.mixed),
                *_both(layer.after_attention),
                *_both(layer.inner),
                *_both(layer.outer),
                *_both(layer.after_middle),
                eight_bits,
            )

    def run(
        self,
        states: NDArray[np.float32],
        lengths: Sequence[int] | NDArray[np.int64],
        depths: Sequence[int],
        threads: int = 1,
    ) -> NDArray[np.float32]:
        """The states after each of `depths` layers, float32 of shape (len(depths), rows, width).

        Args:
            states: what the embedding layer gives, of all sequences, (rows, width).
            lengths: rows of each sequence, at least 1.
            depths: rising, from 1; the deepest is as deep as it runs.
            threads: among which the sequences are divided.

        Raises:
            ValueError: shapes, lengths or depths that cannot be.
        """
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
        return self._encoder.run(_floats(states), offsets, list(depths), _PACK, threads)


def _both(of: Linear | Norm) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return _floats(of.weight), _floats(of.bias)


def _floats(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(values, np.float32)
