"""A BERT of transformers whose layers run in the native kernel, over sequences without padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skerry.kernels import encoder
from skerry.kernels.encoder import LayerWeights, Linear, Norm, PackedEncoder

_HEAD, _WIDTH = 16, 64


class PackedBert:
    """Embeddings by torch in float32, layers by `PackedEncoder`. Safe to run from several threads.

    Args:
        network: a BERT as `AutoModel` loads it; its embeddings are kept, its layers copied.
        eight_bits: see `PackedEncoder`.

    Attributes:
        layers, width: of the network.
    """

    def __init__(self, network: Any, eight_bits: bool = False) -> None:
        config = network.config
        self._embeddings = network.embeddings.float().eval()
        self._layers = PackedEncoder(
            [_weights(layer) for layer in network.encoder.layer],
            config.num_attention_heads,
            config.layer_norm_eps,
            eight_bits,
        )
        self.layers, self.width = self._layers.layers, self._layers.width

    @staticmethod
    def can_be(network: Any, eight_bits: bool = False) -> bool:
        """Whether the kernel is made for this network and is the fastest way on this processor.

        Where the processor multiplies bfloat16 matrices by tiles (AMX), torch is faster.
        """
        config = network.config
        return (
            encoder.available()
            and not torch.cpu.get_capabilities().get("amx_bf16")
            and config.model_type == "bert"
            and config.hidden_act == "gelu"
            and not config.is_decoder
            and not config.add_cross_attention
            and config.hidden_size % (_HEAD * config.num_attention_heads) == 0
            and not (eight_bits and (config.hidden_size % _WIDTH or config.intermediate_size % _WIDTH))
        )

    def states(
        self, sequences: Sequence[Sequence[int]], seconds: Sequence[int] | None, depths: Sequence[int]
    ) -> NDArray[np.float32]:
        """States of all tokens, one sequence behind the other: float32 of shape (len(depths), tokens, width).

        Runs in as many threads as torch would.

        Args:
            sequences: token ids with the special ones, each at least one and at most the model's positions.
            seconds: where the second segment of each starts; None where all is one segment.
            depths: layers after which states are wanted, rising; 0, only beside others, is the embeddings.
        """
        lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
        starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
        ids = np.fromiter((token for sequence in sequences for token in sequence), np.int64, len(starts))
        positions = np.arange(len(ids)) - starts
        segments = np.zeros_like(ids)
        if seconds is not None:
            segments = (positions >= np.repeat(np.asarray(seconds, np.int64), lengths)).astype(np.int64)
        with torch.inference_mode():
            given: NDArray[np.float32] = self._embeddings(
                input_ids=_row(ids), position_ids=_row(positions), token_type_ids=_row(segments)
            )[0].numpy()
        deeper = [depth for depth in depths if depth]
        states = self._layers.run(given, lengths, deeper, torch.get_num_threads())
        return states if len(deeper) == len(depths) else np.concatenate([given[None], states])


def _row(values: NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(values)[None]


def _weights(layer: Any) -> LayerWeights:
    attention, mixing = layer.attention.self, layer.attention.output
    return LayerWeights(
        queries=_linear(attention.query),
        keys=_linear(attention.key),
        values=_linear(attention.value),
        mixed=_linear(mixing.dense),
        after_attention=_norm(mixing.LayerNorm),
        inner=_linear(layer.intermediate.dense),
        outer=_linear(layer.output.dense),
        after_middle=_norm(layer.output.LayerNorm),
    )


def _linear(module: Any) -> Linear:
    return Linear(_array(module.weight), _array(module.bias))


def _norm(module: Any) -> Norm:
    return Norm(_array(module.weight), _array(module.bias))


def _array(values: Tensor) -> NDArray[np.float32]:
    return values.detach().float().numpy()
