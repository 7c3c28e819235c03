"""Pairs of like lengths padded to one, through torch: any processor, any BERT-like model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.ranking.pair_network import PairNetwork, batches


class PaddedReader:
    """See `PairReader`.

    Args:
        network: its encoder is turned to `dtype`, its head stays float32.
    """

    def __init__(self, network: PairNetwork, dtype: torch.dtype) -> None:
        network.encoder.to(dtype)
        self._network = network.eval()
        self.dtype = "bf16" if dtype == torch.bfloat16 else "fp32"

    def logits(self, pairs: Sequence[tuple[list[int], int]], deadline: Deadline) -> NDArray[np.float32]:
        """See `PairReader`. A pair's score depends on what is beside it by rounding only."""
        logits = np.empty(len(pairs), np.float32)
        with torch.inference_mode():
            for rows, ids, mask, types in batches(pairs):
                deadline.check("ranking passages")
                logits[rows] = self._network(ids, mask, types).numpy()
        return logits
