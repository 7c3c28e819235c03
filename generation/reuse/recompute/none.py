"""Passages stay as they were computed alone: the cheapest mode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from skerry.generation.reuse.recompute.base import refuse

if TYPE_CHECKING:
    from skerry.generation.reuse.recompute.base import Spliced


class NoRows:
    """No row at all; takes no argument."""

    def __init__(self, argument: str = "") -> None:
        if argument:
            raise refuse(f"none:{argument}", '"none" takes no argument')

    def rows(self, spliced: Spliced) -> Sequence[int]:
        """See `Recompute.rows`."""
        return ()
