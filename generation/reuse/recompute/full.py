"""All is computed again but the passages that stood behind the same tokens before."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from skerry.generation.reuse.recompute.base import refuse

if TYPE_CHECKING:
    from skerry.generation.reuse.recompute.base import Spliced


class AllRows:
    """Every row that is not exact; takes no argument."""

    def __init__(self, argument: str = "") -> None:
        if argument:
            raise refuse(f"full:{argument}", '"full" takes no argument')

    def rows(self, spliced: Spliced) -> Sequence[int]:
        """See `Recompute.rows`."""
        return tuple(chain.from_iterable(spliced.open))
