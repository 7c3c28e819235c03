"""The memory tier: its own tensors, within its budget, and memory that goes back to the system."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from skerry.benchmarks.memory import memory
from skerry.generation.cache.passage_kv import PassageKV, StoreKey
from skerry.generation.cache.store.blocks import copied, taken
from skerry.generation.cache.store.memory import MemoryTier

MakeKV = Callable[..., PassageKV]
MakeKey = Callable[..., StoreKey]


def test_a_hit_is_the_kept_tensor_and_no_view_of_the_callers(make_kv: MakeKV, make_key: MakeKey) -> None:
    tier, kv = MemoryTier(2**20), make_kv()
    exact = kv.keys.clone()
    assert not tier.offer(make_key(1), kv)
    kv.keys.zero_()
    [first], [again] = tier.get_many([make_key(1)]), tier.get_many([make_key(1)])
    assert first is not None and first is again
    assert torch.equal(first.keys, exact) and first.keys.is_contiguous()


def test_what_is_the_stores_own_already_is_kept_as_it_is(make_kv: MakeKV, make_key: MakeKey) -> None:
    tier, own = MemoryTier(2**20), copied(make_kv())
    tier.offer(make_key(1), own, owned=True)
    assert tier.get_many([make_key(1)]) == [own]


def test_what_leaves_is_handed_back(make_kv: MakeKV, make_key: MakeKey) -> None:
    size = taken(make_kv().nbytes)
    tier = MemoryTier(2 * size)
    for number in (1, 2):
        tier.asked([make_key(number)])
        tier.offer(make_key(number), make_kv(number))
    tier.asked([make_key(3)])
    assert not tier.offer(make_key(3), make_kv(3))
    for _ in range(2):
        tier.asked([make_key(3)])
    # The first was asked for last among those weighed, by the refusal before.
    [(left, kv)] = tier.offer(make_key(3), make_kv(3))
    assert not tier.holds(left) and torch.equal(kv.keys, make_kv(1 if left == make_key(1) else 2).keys)
    counts = tier.counts()
    assert (counts.entries, counts.nbytes, counts.stored, counts.refused, counts.evicted) == (
        2,
        2 * size,
        3,
        1,
        1,
    )


@pytest.mark.parametrize("budget", [0, 1, 4095])
def test_a_value_larger_than_the_budget_is_refused(make_kv: MakeKV, make_key: MakeKey, budget: int) -> None:
    tier = MemoryTier(budget)
    assert not tier.offer(make_key(1), make_kv())
    assert tier.get_many([make_key(1)]) == [None]
    assert (tier.counts().nbytes, tier.counts().refused) == (0, 1)


def test_freed_memory_goes_back(make_key: MakeKey) -> None:
    """Values of 1 to 3 MB come and go through a budget of 40 MB: resident memory stays near it."""
    tier, budget = MemoryTier(40 * 2**20), 40 * 2**20
    longest = torch.ones((30, 3, 300, 30))
    copied(PassageKV(longest, longest, 0, (300,)))
    before = memory().resident
    for number in range(300):
        tokens = 100 + 37 * number % 200
        kv = PassageKV(longest[:, :, :tokens], longest[:, :, :tokens], 0, (tokens,))
        for _ in range(1 + number // 4):
            tier.asked([make_key(number)])
        tier.offer(make_key(number), kv)
    assert tier.counts().evicted > 50
    held = tier.counts().nbytes
    assert held is not None and 0.8 * budget <= held <= budget
    assert memory().resident - before <= 1.1 * budget


def test_a_copy_keeps_type_shape_and_sentences(make_kv: MakeKV) -> None:
    for dtype in (torch.bfloat16, torch.float16, torch.float32):
        kv = make_kv(dtype=dtype)
        own = copied(kv)
        assert torch.equal(own.keys, kv.keys) and torch.equal(own.values, kv.values)
        assert (own.keys.dtype, own.start, own.sentence_ends) == (dtype, kv.start, kv.sentence_ends)


def test_close_lets_go(make_kv: MakeKV, make_key: MakeKey) -> None:
    tier = MemoryTier(2**20)
    tier.offer(make_key(1), make_kv())
    tier.close()
    assert tier.get_many([make_key(1)]) == [None] and tier.counts().nbytes == 0
