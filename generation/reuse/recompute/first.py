"""The first tokens of each passage are computed again (EPIC's LegoLink, arXiv:2410.15332).

A passage that is read alone behind the prefix attends too much to its own first tokens; among others it
should not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from skerry.generation.reuse.recompute.base import refuse

if TYPE_CHECKING:
    from skerry.generation.reuse.recompute.base import Spliced

_MOST = 4096


class FirstRows:
    """The first K rows of each passage; the argument is K, 1 to 4,096."""

    def __init__(self, argument: str) -> None:
        self.count = count_of("first", argument)

    def rows(self, spliced: Spliced) -> Sequence[int]:
        """See `Recompute.rows`."""
        return tuple(chain.from_iterable(passage[: self.count] for passage in spliced.open))


def count_of(mode: str, argument: str) -> int:
    """K of "mode:K". Raises `InvalidInput` for what is no whole number from 1 to 4,096."""
    count = int(argument) if argument.isascii() and argument.isdigit() else 0
    if not 1 <= count <= _MOST:
        raise refuse(f"{mode}:{argument}", f"K of {mode}:K is a whole number from 1 to {_MOST:,}")
    return count
