"""How alike two orders of the same things are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def kendall_tau(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Kendall 1938: pairs in the same order less those in the other, by all; 1 for fewer than two things.

    A pair that either holds to be equal counts as neither.
    """
    count = len(one)
    if count < 2:
        return 1.0
    first, second = np.triu_indices(count, 1)
    agree = np.sign(one[first] - one[second]) * np.sign(other[first] - other[second])
    return float(agree.sum() / (count * (count - 1) / 2))
