"""A real Redis server, and values small enough to make by the hundred."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from skerry.benchmarks.store.server import RedisServer
from skerry.generation.cache.passage_kv import PassageKV, StoreKey

MakeKV = Callable[..., PassageKV]


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer(megabytes=64) as running:
        yield running


@pytest.fixture
def make_kv() -> MakeKV:
    """make_kv(seed, tokens=32, dtype=bfloat16): random tensors of 2 layers, 3 KV heads, head size 8."""

    def make(
        seed: int = 0, tokens: int = 32, dtype: torch.dtype = torch.bfloat16, size: int = 8
    ) -> PassageKV:
        generator = torch.Generator().manual_seed(seed)
        shape = (2, 3, tokens, size)
        keys, values = (torch.randn(shape, generator=generator).to(dtype) for _ in range(2))
        ends = (tokens // 2, tokens) if tokens > 1 else (tokens,)
        return PassageKV(keys, values, start=37, sentence_ends=ends)

    return make


@pytest.fixture
def make_key() -> Callable[..., StoreKey]:
    """make_key(number, model="aa...", prompt="bb...")."""

    def make(number: int, model: str = "aa" * 16, prompt: str = "bb" * 16) -> StoreKey:
        return StoreKey(model, prompt, f"{number:032x}")

    return make
