"""Asks the store alone, with values of a model's shape whose content says whose they are."""

from __future__ import annotations

import random
import time
from collections import Counter
from hashlib import blake2b

import torch

from skerry.benchmarks.memory import memory
from skerry.benchmarks.store.windows import Asked
from skerry.generation.cache.passage_kv import PassageKV, StoreKey
from skerry.generation.cache.store.tiered import TieredStore

_LAYERS, _HEADS, _SIZE = 30, 3, 64
_TOKENS = (60, 250)


class ValuesAsker:
    """Puts what a question does not find.

    Args:
        store: what is measured.
        passages: each question needs so many; no two questions share one.
        seed: of the passages' lengths, 60 to 250 tokens.
    """

    def __init__(self, store: TieredStore, passages: int, seed: int) -> None:
        self._store = store
        self._passages = passages
        self._seed = seed
        shape = (_LAYERS, _HEADS, _TOKENS[1], _SIZE)
        self._rows = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).bfloat16()
        self._before = memory().resident

    def ask(self, question: int) -> Asked:
        """Get the question's passages, look whether they are the right ones, put what was not there."""
        passages = range(self._passages * question, self._passages * (question + 1))
        keys = [_key(passage) for passage in passages]
        started = time.perf_counter()
        found = self._store.get_many(keys)
        seconds = time.perf_counter() - started
        right = all(
            value is None or (value.kv.start == passage and value.kv.tokens == _tokens(self._seed, passage))
            for value, passage in zip(found, passages, strict=True)
        )
        tiers, reused = Counter[str](), Counter[str]()
        for value in found:
            if value is not None:
                tiers[value.tier] += 1
                reused[value.tier] += value.kv.tokens
        self._store.put_many(
            [
                (key, self._value(passage))
                for key, value, passage in zip(keys, found, passages, strict=True)
                if value is None
            ]
        )
        # Real questions come far apart: what they leave to be written has been written before the next one.
        self._store.flush()
        grown = memory().resident - self._before
        tokens = sum(_tokens(self._seed, passage) for passage in passages)
        problem = "" if right else "the store gave another passage's value"
        return Asked(self._passages, dict(tiers), tokens, dict(reused), seconds, grown, problem)

    def _value(self, passage: int) -> PassageKV:
        tokens = _tokens(self._seed, passage)
        rows = self._rows[:, :, :tokens]
        return PassageKV(rows, rows, start=passage, sentence_ends=(tokens,))


def nbytes(seed: int, passage: int) -> int:
    """Bytes of a passage's keys and values."""
    return 2 * _LAYERS * _HEADS * _SIZE * _tokens(seed, passage) * 2


def _tokens(seed: int, passage: int) -> int:
    return random.Random(f"{seed} {passage}").randint(*_TOKENS)


def _key(passage: int) -> StoreKey:
    digest = blake2b(passage.to_bytes(8, "little"), digest_size=16).hexdigest()
    return StoreKey("0" * 32, "0" * 32, digest)
