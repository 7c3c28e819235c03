"""What stays and what leaves: within the budget always, and the popular stay."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.generation.cache.store.frequency import Frequency
from skerry.generation.cache.store.ledger import Ledger


def _name(number: int) -> bytes:
    return random.Random(number).randbytes(16)


class SlowFrequency:
    """Exact counts of every name, halved after the same periods."""

    def __init__(self) -> None:
        self.counts: Counter[bytes] = Counter()
        self.asked = 0

    def add(self, name: bytes, kept: int) -> None:
        self.counts[name] = min(255, self.counts[name] + 1)
        self.asked += 1
        if self.asked >= max(10 * kept, 1024):
            self.counts = Counter({name: count // 2 for name, count in self.counts.items()})
            self.asked = 0


class SlowLedger:
    """The rule, read out: walk the queue from the front, weigh, decide."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.queue: list[tuple[bytes, int]] = []
        self.frequency = SlowFrequency()

    def asked(self, name: bytes) -> None:
        self.frequency.add(name, len(self.queue))
        for entry in self.queue:
            if entry[0] == name:
                self.queue.remove(entry)
                self.queue.append(entry)
                return

    def offer(self, name: bytes, size: int) -> bool:
        if name in [kept for kept, _ in self.queue]:
            return True
        if size > self.budget:
            return False
        counts = self.frequency.counts
        eights = [self.queue[start : start + 8] for start in range(0, len(self.queue), 8)]
        order = [entry for eight in eights for entry in sorted(eight, key=lambda entry: counts[entry[0]])]
        leaving: list[tuple[bytes, int]] = []
        while sum(kept for _, kept in self.queue) - sum(kept for _, kept in leaving) + size > self.budget:
            leaving.append(order[len(leaving)])
            if sum(counts[kept] for kept, _ in leaving) >= counts[name]:
                weighed = -(-len(leaving) // 8) * 8
                self.queue = self.queue[weighed:] + self.queue[:weighed]
                return False
        self.queue = [entry for entry in self.queue if entry not in leaving] + [(name, size)]
        return True


@settings(deadline=None, max_examples=80)
@given(
    budget=st.integers(0, 60),
    steps=st.lists(st.tuples(st.integers(0, 12), st.integers(1, 25), st.booleans()), max_size=120),
)
def test_it_decides_as_the_slow_version(budget: int, steps: list[tuple[int, int, bool]]) -> None:
    ledger, slow = Ledger(budget), SlowLedger(budget)
    for number, size, offered in steps:
        name = _name(number)
        if offered:
            before = set(ledger)
            verdict = ledger.offer(name, size)
            assert verdict.taken == slow.offer(name, size)
            assert (before | ({name} if verdict.taken else set())) - set(verdict.leaving) == set(ledger)
        else:
            ledger.asked([name])
            slow.asked(name)
        assert list(ledger) == [kept for kept, _ in slow.queue]
        assert ledger.nbytes == sum(kept for _, kept in slow.queue) <= budget


@settings(deadline=None, max_examples=20)
@given(numbers=st.lists(st.integers(0, 300), max_size=3_000))
def test_a_count_is_never_below_the_true_one(numbers: list[int]) -> None:
    names = [_name(number) for number in range(301)]
    sketch, exact = Frequency(), SlowFrequency()
    for number in numbers:
        sketch.add(names[number], 5)
        exact.add(names[number], 5)
    over = [sketch.of(name) - exact.counts[name] for name in names]
    assert min(over) >= 0
    assert sum(over) <= len(numbers) // 100


def test_counts_stop_at_the_end_of_their_byte() -> None:
    sketch = Frequency()
    for _ in range(1_000):
        sketch.add(_name(1), 10_000)
    assert sketch.of(_name(1)) == 255
    assert sketch.of(_name(2)) == 0


def test_a_scan_leaves_the_hot_set_alone() -> None:
    ledger, hot = Ledger(20 * 10), [_name(number) for number in range(20)]
    for _ in range(3):
        for name in hot:
            ledger.asked([name])
            assert ledger.offer(name, 10).taken
    for number in range(1_000, 11_000):
        ledger.asked([_name(number)])
        ledger.offer(_name(number), 10)
        if number % 5 == 0:
            ledger.asked([hot[number // 5 % 20]])
    assert set(hot) <= set(ledger)


def test_a_new_hot_set_takes_the_place_of_the_old() -> None:
    ledger, old, new = Ledger(200), [_name(n) for n in range(20)], [_name(n) for n in range(100, 120)]
    for names in (old, new):
        for _ in range(200):
            for name in names:
                ledger.asked([name])
                ledger.offer(name, 10)
    assert set(ledger) == set(new)


def test_zipf_hits_come_near_to_the_best_possible() -> None:
    draw = random.Random(3)
    weights = [1 / rank for rank in range(1, 2_001)]
    ledger, hits, best = Ledger(100), 0, 0
    asked = draw.choices(range(2_000), weights, k=30_000)
    for step, number in enumerate(asked):
        if step >= 10_000:
            hits += _name(number) in ledger
            best += number < 100
        ledger.asked([_name(number)])
        ledger.offer(_name(number), 1)
    assert hits >= 0.9 * best


def test_sizes_that_never_fit() -> None:
    assert not Ledger(0).offer(_name(1), 1).taken
    ledger = Ledger(10)
    assert ledger.offer(_name(1), 10).taken
    for _ in range(50):
        ledger.asked([_name(2)])
    assert not ledger.offer(_name(2), 11).taken
    assert list(ledger) == [_name(1)]


def test_what_is_over_the_budget_leaves_from_the_front() -> None:
    ledger = Ledger(25)
    for number in range(4):
        ledger.enter(_name(number), 10)
    assert ledger.overdrawn() == (_name(0), _name(1))
    assert ledger.nbytes == 20
