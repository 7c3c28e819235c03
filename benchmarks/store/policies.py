"""What share of a stream a cache can answer: ours, one that keeps what came last, and the best fixed set."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from skerry.generation.cache.store.ledger import Ledger


@dataclass(frozen=True, slots=True)
class HitRates:
    """Shares of the requests of a stream's second half that find their value.

    Attributes:
        ours: by `Ledger`.
        recent: by evicting what was asked for longest ago (LRU), and taking everything.
        fixed: by keeping, from the start, the values that the second half asks for most often for their size.
    """

    ours: float
    recent: float
    fixed: float


def hit_rates(requests: Sequence[int], sizes: Sequence[int], budget: int) -> HitRates:
    """Each request is a value's number; `sizes` are bytes by number."""
    half = requests[len(requests) // 2 :]
    return HitRates(
        _ours(requests, sizes, budget) / len(half),
        _recent(requests, sizes, budget) / len(half),
        _fixed(half, sizes, budget) / len(half),
    )


def _ours(requests: Sequence[int], sizes: Sequence[int], budget: int) -> int:
    ledger, hits = Ledger(budget), 0
    for step, number in enumerate(requests):
        name = blake2b(number.to_bytes(8, "little"), digest_size=16).digest()
        hits += step >= len(requests) // 2 and name in ledger
        ledger.asked([name])
        ledger.offer(name, sizes[number])
    return hits


def _recent(requests: Sequence[int], sizes: Sequence[int], budget: int) -> int:
    kept: OrderedDict[int, None] = OrderedDict()
    used = hits = 0
    for step, number in enumerate(requests):
        hits += step >= len(requests) // 2 and number in kept
        if number in kept:
            kept.move_to_end(number)
        elif sizes[number] <= budget:
            kept[number] = None
            used += sizes[number]
        while used > budget:
            used -= sizes[kept.popitem(last=False)[0]]
    return hits


def _fixed(requests: Sequence[int], sizes: Sequence[int], budget: int) -> int:
    counts, hits = Counter(requests), 0
    for number in sorted(counts, key=lambda number: -counts[number] / sizes[number]):
        if sizes[number] <= budget:
            budget -= sizes[number]
            hits += counts[number]
    return hits
