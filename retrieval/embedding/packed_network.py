"""An elastic network whose layers run in the native kernel: what is padding is not computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from skerry.kernels.bert import PackedBert
from skerry.retrieval.embedding.elastic_network import ElasticNetwork


class PackedNetwork(ElasticNetwork):
    """As `ElasticNetwork`, in bf16. Of the networks, `PackedBert.can_be` must hold.

    What a text gives does not depend on the texts beside it, not even by rounding.
    """

    def __init__(self, network: Any, name: str, early: Any = None) -> None:
        super().__init__(network, name, early)
        self._whole = PackedBert(network)
        self._early = self._whole if early is None else PackedBert(early)
        self._depths = dict.fromkeys(self._depths)  # torch's layers go: the kernel has its own

    def states(self, ids: Tensor, mask: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """As `ElasticNetwork.states`, float32; 0 at what is padding, which stands behind each text."""
        real = mask.bool()
        sequences = [row[: int(length)].tolist() for row, length in zip(ids, mask.sum(1), strict=True)]
        kept: dict[int, Tensor] = {}
        for way in self._ways(layers):
            depths = sorted(way)
            packed = self._whole if depths[-1] == self.layers else self._early
            for depth, states in zip(depths, packed.states(sequences, None, depths), strict=True):
                kept[depth] = torch.zeros(*ids.shape, self.width)
                kept[depth][real] = torch.from_numpy(states)
        return [kept[layer] for layer in layers]

    def _hook(self, network: Any, below: Any) -> None:
        """The kernel hands over all states that are asked for."""
