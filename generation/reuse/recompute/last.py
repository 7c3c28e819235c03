"""The last passage, which is the best and stands before the question, and the first tokens of the others.

What the question looks at most is read among its neighbours as in a full prefill; of the rest only what would
draw too much attention, see `first`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from skerry.generation.reuse.recompute.first import count_of

if TYPE_CHECKING:
    from skerry.generation.reuse.recompute.base import Spliced


class LastRows:
    """The rows of the last passage and the first K of the others; the argument is K, 1 to 4,096."""

    def __init__(self, argument: str) -> None:
        self.count = count_of("last", argument)

    def rows(self, spliced: Spliced) -> Sequence[int]:
        """See `Recompute.rows`."""
        last = spliced.starts[-1]
        return tuple(
            chain.from_iterable(
                passage if passage.start == last else passage[: self.count] for passage in spliced.open
            )
        )
