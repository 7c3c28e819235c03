"""What a generator's events say."""

from __future__ import annotations

from collections.abc import Sequence

from skerry.generation.base import Completed, Delta, Event


def text_of(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))


def completed(events: Sequence[Event]) -> Completed:
    last = events[-1]
    assert isinstance(last, Completed)
    return last
