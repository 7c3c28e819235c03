"""Which values a tier keeps within its bytes, which must leave, and which are not taken.

Of those that were asked for longest ago, a few at a time, the least popular leave first. A newcomer is only
taken if it was asked for more often than all those together that would have to leave for it (TinyLFU; for
values of unlike sizes: aggregated victims, Einziger, Eytan, Friedman, Manes, 2021). A stream of names that
are asked for once therefore moves nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from skerry.generation.cache.store.frequency import Frequency

_WEIGHED = 8
"""Values of the queue's front that are compared with each other: the first alone may be a popular one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a value is taken, and the names that leave for it."""

    taken: bool
    leaving: tuple[bytes, ...] = ()


class Ledger:
    """The books of one tier: names (digests of 8 bytes or more) and sizes, no values. Not thread-safe.

    Args:
        budget: most bytes; 0 takes nothing.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.nbytes = 0
        self._sizes: OrderedDict[bytes, int] = OrderedDict()
        self._frequency = Frequency()

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._sizes

    def __len__(self) -> int:
        return len(self._sizes)

    def __iter__(self) -> Iterator[bytes]:
        """Names, those first that were asked for longest ago."""
        return iter(self._sizes)

    def asked(self, digests: Sequence[bytes]) -> None:
        """Count a request for each name, kept or not."""
        for digest in digests:
            self._frequency.add(digest, len(self._sizes))
            if digest in self._sizes:
                self._sizes.move_to_end(digest)

    def offer(self, digest: bytes, size: int) -> Verdict:
        """Take a value if it is worth its place; the books are as if those that leave had left."""
        if digest in self._sizes:
            return Verdict(taken=True)
        if size > self.budget:
            return Verdict(taken=False)
        wanted, against, room = self._frequency.of(digest), 0, self.budget - self.nbytes
        front = iter(self._sizes)
        weighed: list[bytes] = []
        leaving: list[bytes] = []
        while room < size:
            some = list(islice(front, _WEIGHED))
            weighed += some
            for victim in sorted(some, key=self._frequency.of):
                if room >= size:
                    break
                against += self._frequency.of(victim)
                if against >= wanted:
                    # The next newcomer is weighed against others.
                    for kept in weighed:
                        self._sizes.move_to_end(kept)
                    return Verdict(taken=False)
                leaving.append(victim)
                room += self._sizes[victim]
        for victim in leaving:
            self.forget(victim)
        self.enter(digest, size)
        return Verdict(taken=True, leaving=tuple(leaving))

    def enter(self, digest: bytes, size: int) -> None:
        """Book a value that is there, as the one asked for last."""
        self.forget(digest)
        self._sizes[digest] = size
        self.nbytes += size

    def forget(self, digest: bytes) -> None:
        """Book a value out; one that is not there is passed over."""
        self.nbytes -= self._sizes.pop(digest, 0)

    def overdrawn(self) -> tuple[bytes, ...]:
        """Book out the values asked for longest ago until the rest is within the budget; their names."""
        leaving = []
        while self.nbytes > self.budget:
            digest = next(iter(self._sizes))
            self.forget(digest)
            leaving.append(digest)
        return tuple(leaving)
