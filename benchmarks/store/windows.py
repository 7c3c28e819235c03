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
        tokens: of the passages.
        reused: of them, those that were not computed, by the tier they came from.
        seconds: until they were there: of the store's call, or to the answer's first token.
        resident: bytes that the process has grown by since the stream began.
        problem: why there was no answer, or that there was a wrong value; empty otherwise.
    """

    passages: int
    tiers: dict[str, int]
    tokens: int
    reused: dict[str, int]
    seconds: float
    resident: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """Questions `first` to `last` - 1.

    Attributes:
        shares: of the passages, by the tier that had them.
        reused: share of the passages' tokens that were not computed.
        failed: questions without an answer, which have no part in the times.
        median, slowest: seconds; the median, and what 95 of 100 stay below.
        resident: the most bytes that the process had grown by.
    """

    first: int
    last: int
    shares: dict[str, float]
    reused: float
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
    tiers = Counter[str]()
    for one in asked:
        tiers.update(one.tiers)
    passages = sum(one.passages for one in asked)
    seconds = [one.seconds for one in asked if not one.problem] or [0.0]
    return Window(
        first=first,
        last=first + len(asked),
        shares={tier: count / passages for tier, count in tiers.items()},
        reused=sum(sum(one.reused.values()) for one in asked) / max(1, sum(one.tokens for one in asked)),
        failed=sum(bool(one.problem) for one in asked),
        median=median(seconds),
        slowest=_of_100(95, seconds),
        resident=max(one.resident for one in asked),
    )


def _of_100(share: int, seconds: Iterable[float]) -> float:
    values = list(seconds)
    return values[0] if len(values) == 1 else quantiles(values, n=100, method="inclusive")[share - 1]
