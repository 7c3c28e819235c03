"""How questions are put: what is learnt from questions whose pages are known.

Two parts. A residual map brings a question's vector nearer to the passages that answer it. And the vectors of
some questions stay, to know how probable each page is before anything is asked: a page that many questions
come near for no reason is held back, one that none is near is not, whether it was ever asked for or not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.corpusbrain.memory.slots import unit


@dataclass(frozen=True, slots=True, eq=False)
class Asking:
    """What was learnt.

    Attributes:
        weight: float32 (width, width).
        bias: float32 (width,).
        asked: questions' vectors, float32 (n, width).
        strength: of the correction by how probable a page is, 0 to 1.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    asked: NDArray[np.float32]
    strength: float

    def applied(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Questions' unit vectors, float32 (n, width), as the memory is asked: unit vectors again."""
        return unit(vectors + vectors @ self.weight + self.bias)
