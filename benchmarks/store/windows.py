"""What happened to a stream of questions, window by window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Asked:
    """One question.

    Attributes:
        passages: how many it needed.
        tiers: of them, how many each tier had, by its name.
        failed: whether there was no answer, or a wrong value.
        seconds: until they were there: of the store's call, or to the answer's first token.
        resident: bytes that the process has grown by since the stream began.
    """

    passages: int
    tiers: Counter[str]
    failed: bool
    seconds: float
    resident: int


@dataclass(frozen=True, slots=True)
class Window:
    """Questions `first` to `last` - 1.

    Attributes:
        shares: of the passages, by the tier that had them.
        failed: questions without an answer.
        median, slowest: seconds; the median, and what 95 of 100 stay below.
        resident: the most bytes that the process had grown by.
    """

    first: int
    last: int
    shares: dict[str, float]
    failed: int
    median: float
    slowest: float
    resident: int

    @property
    def found(self) -> float:
        """Share of the passages that any tier had."""
        return sum(self.shares.values())


def windows(asked: Sequence[Asked], size: int) -> list[Window]:
    """Windows of `size` questions; the last may be shorter."""
    return [_window(start, asked[start : start + size]) for start in range(0, len(asked), size)]


def _window(first: int, asked: Sequence[Asked]) -> Window:
    tiers: Counter[str] = sum((one.tiers for one in asked), Counter())
    passages = sum(one.passages for one in asked)
    seconds = [one.seconds for one in asked]
    return Window(
        first=first,
        last=first + len(asked),
        shares={tier: count / passages for tier, count in tiers.items()},
        failed=sum(one.failed for one in asked),
        median=median(seconds),
        slowest=_of_100(95, seconds),
        resident=max(one.resident for one in asked),
    )


def _of_100(share: int, seconds: Iterable[float]) -> float:
    values = list(seconds)
    return values[0] if len(values) == 1 else quantiles(values, n=100, method="inclusive")[share - 1]
