"""Which questions are asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def spread_evenly(items: Sequence[T], most: int) -> list[T]:
    """At most `most` of the items, at equal distances from the first on: neighbours are often of one page."""
    count = min(most, len(items))
    return [items[number * len(items) // count] for number in range(count)]
