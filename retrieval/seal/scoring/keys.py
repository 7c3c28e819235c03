"""Keys as arrays: token sequences that the language model would say and that stand in the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput

KINDS = ("body", "title", "query")
"""What a key is, by its number in `Keys.kinds`."""


class FoundKey(Protocol):
    """A key as decoding gives it; see `skerry.retrieval.seal.decoding.Key`."""

    @property
    def tokens(self) -> tuple[int, ...]: ...
    @property
    def log_prob(self) -> float: ...
    @property
    def low(self) -> int: ...
    @property
    def high(self) -> int: ...
    @property
    def kind(self) -> Literal["body", "title", "query"]: ...


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one query, in any order; the same tokens may come more than once.

    Attributes:
        offsets: key i is tokens[offsets[i]:offsets[i + 1]], at least one token; int64 of shape (n + 1,).
        tokens: uint32 of shape (offsets[-1],).
        log_probs: natural logarithm of P(key | query), at most 0; float64 of shape (n,).
        ranges: each key's rows in the FM-index, half-open; int64 of shape (n, 2). A title's are of the
            passages that begin with it.
        kinds: the number in `KINDS`; uint8 of shape (n,).

    Raises:
        InvalidInput: shapes that do not fit each other, an empty key, log-probabilities that are no such.
    """

    offsets: NDArray[np.int64]
    tokens: NDArray[np.uint32]
    log_probs: NDArray[np.float64]
    ranges: NDArray[np.int64]
    kinds: NDArray[np.uint8]

    def __post_init__(self) -> None:
        size = len(self.log_probs)
        if not (
            self.offsets.shape == (size + 1,)
            and self.ranges.shape == (size, 2)
            and self.kinds.shape == (size,)
            and self.offsets[0] == 0
            and self.tokens.shape == (self.offsets[-1],)
        ):
            raise InvalidInput(
                f"The arrays of {size} keys do not fit each other: offsets {self.offsets.shape}, tokens "
                f"{self.tokens.shape}, ranges {self.ranges.shape}, kinds {self.kinds.shape}."
            )
        if size and (np.diff(self.offsets).min() < 1 or self.kinds.max() >= len(KINDS)):
            raise InvalidInput("A key has no tokens, or a kind that is none.")
        # A sum of logarithms may end a rounding error above 0.
        if not (self.log_probs <= 1e-3).all():
            raise InvalidInput("A key's log-probability is not a number or above 0.")

    @classmethod
    def of(cls, keys: Sequence[FoundKey]) -> Keys:
        """The arrays of keys as decoding gives them, in their order. Raises `InvalidInput` as above."""
        return cls(
            np.cumsum([0, *(len(key.tokens) for key in keys)], dtype=np.int64),
            np.array([token for key in keys for token in key.tokens], np.uint32),
            np.array([key.log_prob for key in keys], np.float64),
            np.array([(key.low, key.high) for key in keys], np.int64).reshape(-1, 2),
            np.array([KINDS.index(key.kind) for key in keys], np.uint8),
        )

    def __len__(self) -> int:
        return len(self.log_probs)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each key, int64 of shape (n,)."""
        return np.diff(self.offsets)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Occurrences of each key in the corpus (a title's begin a passage), int64 of shape (n,)."""
        counts: NDArray[np.int64] = self.ranges[:, 1] - self.ranges[:, 0]
        return counts
