"""Who reads pairs of a query and a passage and says how well they fit: one protocol, two ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.dtype import DTYPES, resolve_dtype, torch_dtype
from skerry.core.errors import InvalidInput
from skerry.ranking.pair_network import PairNetwork

Pair = tuple[list[int], int]
"""Token ids, and where the second segment starts."""

INT8 = "int8"
READING = (*DTYPES, INT8)


class PairReader(Protocol):
    """Scores pairs. Safe to call from several threads."""

    dtype: str
    """What it computes in: "fp32", "bf16" or "int8"."""

    def logits(self, pairs: Sequence[Pair], deadline: Deadline) -> NDArray[np.float32]:
        """One score a pair, (len(pairs),). Raises DeadlineExceeded or Cancelled between batches."""


def pair_reader(network: PairNetwork, dtype: str) -> PairReader:
    """The fastest reader for a float32 network, which is taken over, on this processor.

    Args:
        dtype: "fp32"; "bf16"; "int8", which is bf16 with two thirds of the products in eight bits; "auto":
            int8 where this processor and this network allow it, else bf16 where the processor multiplies it
            natively, else fp32.

    Raises:
        InvalidInput: another dtype, or int8 where it cannot be.
    """
    from skerry.kernels.bert import PackedBert
    from skerry.ranking.packed_reader import PackedReader
    from skerry.ranking.padded_reader import PaddedReader

    if dtype not in READING:
        raise InvalidInput(
            f"There is no dtype {dtype!r}.",
            hint=f"Choose {', '.join(READING[:-1])} or {READING[-1]}.",
            details={"parameter": "dtype"},
        )
    eight_bits = PackedBert.can_be(network.encoder, eight_bits=True)
    if dtype == INT8 and not eight_bits:
        raise InvalidInput(
            "This processor or this model cannot be read in int8.",
            hint="Choose auto: it takes what there is.",
            details={"parameter": "dtype"},
        )
    if dtype == INT8 or (dtype == "auto" and eight_bits):
        return PackedReader(network, eight_bits=True)
    if resolve_dtype(dtype) == "bf16" and PackedBert.can_be(network.encoder):
        return PackedReader(network)
    return PaddedReader(network, torch_dtype(dtype))
