"""Pairs one behind the other without padding, through the native kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.kernels.bert import PackedBert
from skerry.ranking.pair_network import PairNetwork

_BATCH_TOKENS = 4096
"""Between two looks at the deadline."""


class PackedReader:
    """See `PairReader`. Of the network, `PackedBert.can_be` must hold.

    Args:
        network: float32.
        eight_bits: see `PackedEncoder`.
    """

    def __init__(self, network: PairNetwork, eight_bits: bool = False) -> None:
        self._bert = PackedBert(network.encoder, eight_bits)
        weight = network.head.weight.detach().numpy()[0]
        self._of_first, self._of_mean = np.split(weight, 2)
        self._bias = np.float32(network.head.bias.detach().item())
        self.dtype = "int8" if eight_bits else "bf16"

    def logits(self, pairs: Sequence[tuple[list[int], int]], deadline: Deadline) -> NDArray[np.float32]:
        """See `PairReader`. A pair's score does not depend on what is beside it, not even by rounding."""
        logits = np.empty(len(pairs), np.float32)
        for start, end in _batches([len(ids) for ids, _ in pairs]):
            deadline.check("ranking passages")
            ids, seconds = zip(*pairs[start:end], strict=True)
            [states] = self._bert.states(ids, seconds, [self._bert.layers])
            lengths = np.fromiter(map(len, ids), np.int64)
            starts = np.cumsum(lengths) - lengths
            means = np.add.reduceat(states, starts) / lengths[:, None].astype(np.float32)
            read = states[starts] * self._of_first + means * self._of_mean
            logits[start:end] = read.sum(1) + self._bias
        return logits


def _batches(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Runs of neighbours, each of at most so many tokens or of one pair."""
    start = tokens = 0
    for row, length in enumerate(lengths):
        if row > start and tokens + length > _BATCH_TOKENS:
            yield start, row
            start, tokens = row, 0
        tokens += length
    if start < len(lengths):
        yield start, len(lengths)
