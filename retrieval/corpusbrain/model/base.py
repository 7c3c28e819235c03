"""What CorpusBrain asks of a model: the log-probabilities of the tokens that may follow in a title."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Memory: TypeAlias = Any
"""What a model has read of some queries; only the model itself looks into it."""
State: TypeAlias = Any
"""Hypotheses ("rows") of one model; never changed, so that it may be continued in several ways."""
Tokens: TypeAlias = NDArray[np.integer[Any]]
"""Distinct token ids, (k,), of any integer type."""


class TitleModel(Protocol):
    """A model that writes a sequence of titles to a query: title, `end`, title, `end`, ..., `stop`.

    Attributes:
        end: the token after every title.
        stop: the token in the place of a further title, after which nothing follows.
        normalises: whether `log_probs` are normalised over the allowed tokens: then a token that is allowed
            alone is certain, and no model need be asked. Else they are the shares of the whole vocabulary.
        room: most tokens of a sequence.
    """

    end: int
    stop: int
    normalises: bool
    room: int

    def encode_titles(self, titles: Sequence[str]) -> list[list[int]]:
        """Token ids of titles, none of them special: "</s>" in a title is four characters."""
        ...

    def read(self, queries: Sequence[str]) -> Memory:
        """Read queries, once each; what does not fit into the model's context is cut off.

        Raises:
            InvalidInput: no query, an empty one, or one that is no valid Unicode.
        """
        ...

    def begin(self, memory: Memory, queries: NDArray[np.int64]) -> State:
        """The state whose row i is the empty sequence of query `queries[i]`; int64 of shape (rows,)."""
        ...

    def advance(self, state: State, rows: NDArray[np.int64], tokens: NDArray[np.int64]) -> State:
        """The state whose row i is row `rows[i]` of `state` and `tokens[i]` after it; both int64 (n,)."""
        ...

    def log_probs(self, state: State, allowed: Sequence[Tokens]) -> list[NDArray[np.float32]]:
        """For each row the natural logarithms of its allowed tokens' probabilities.

        Args:
            state: the rows.
            allowed: for each row the tokens that may follow, in any order, at least one.

        Returns:
            For each row float32 of the shape of its allowed tokens.
        """
        ...
