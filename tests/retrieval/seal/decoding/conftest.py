"""A language model made of tables, and an FM-index made of sorted lists: small, slow and obviously right."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from skerry.kernels.fm_index import FmIndex


class TableModel:
    """Log-probabilities that depend on the prompt and on every token after it, and on nothing else."""

    context = 200

    def __init__(self, size: int, title_end: int, seed: int = 0, sharpness: float = 1.0) -> None:
        self.vocabulary: Any = SimpleNamespace(
            size=size,
            title_end=title_end,
            encode=lambda text: [sum(map(ord, word)) % 1000 for word in text.split()],
            words=lambda text: [int(word) for word in text.lower().split() if word.isdigit()],
        )
        self.seed, self.sharpness = seed, sharpness
        self.calls: list[int] = []
        self._table: dict[tuple[int, ...], np.ndarray] = {}
        self._lock = threading.Lock()

    def after(self, prefix: tuple[int, ...]) -> np.ndarray:
        with self._lock:
            if prefix not in self._table:
                random = np.random.default_rng([self.seed, len(prefix), *prefix])
                logits = self.sharpness * random.standard_normal(self.vocabulary.size)
                self._table[prefix] = (logits - np.log(np.exp(logits).sum())).astype(np.float32)
            return self._table[prefix]

    def _state(self, prefixes: list[tuple[int, ...]]) -> Any:
        self.calls.append(len(prefixes))
        table = np.stack([self.after(p) for p in prefixes])
        return SimpleNamespace(prefixes=prefixes, log_probs=table)

    def start(self, prompts: Sequence[Sequence[int]]) -> Any:
        return self._state([tuple(prompt) for prompt in prompts])

    def next_log_probs(self, state: Any, parents: np.ndarray, tokens: np.ndarray) -> Any:
        assert parents.dtype == tokens.dtype == np.int64
        return self._state(
            [(*state.prefixes[p], t) for p, t in zip(parents.tolist(), tokens.tolist(), strict=True)]
        )

    def sequence_log_probs(
        self, state: Any, prompt_of: np.ndarray, sequences: Sequence[Sequence[int]]
    ) -> list[np.ndarray]:
        assert prompt_of.dtype == np.int64
        self.calls.append(sum(map(len, sequences)))
        prompts = state.prefixes
        return [
            np.array([self.after((*prompts[p], *s[:i]))[t] for i, t in enumerate(s)], np.float32)
            for p, s in zip(prompt_of, sequences, strict=True)
        ]

    def log_prob(self, prompt: Sequence[int], tokens: Sequence[int]) -> float:
        return sum(float(self.after((*prompt, *tokens[:i]))[t]) for i, t in enumerate(tokens))


class ListIndex:
    """Rows are places between a passage's tokens, in order of what stands before them, read backwards."""

    def __init__(self, passages: Sequence[Sequence[int]]) -> None:
        places = [(p, e) for p, tokens in enumerate(passages) for e in range(len(tokens) + 1)]
        places.sort(key=lambda place: ([*reversed(passages[place[0]][: place[1]]), -1], place[0]))
        row_of = {place: row for row, place in enumerate(places)}
        self.passages = len(passages)
        self.places = places
        self.next: list[int] = [passages[p][e] if e < len(passages[p]) else -1 for p, e in places]
        self.after = [row_of.get((p, e + 1), -1) for p, e in places]

    def everything(self) -> np.ndarray:
        return np.array([[0, len(self.places)]], np.int64)

    def beginnings(self) -> np.ndarray:
        return np.array([[0, self.passages]], np.int64)

    def extend(self, ranges: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        extended = np.zeros((len(ranges), 2), np.int64)
        for n, ((low, high), token) in enumerate(zip(ranges.tolist(), tokens.tolist(), strict=True)):
            rows = [self.after[row] for row in range(low, high) if self.next[row] == token]
            if rows:
                assert max(rows) - min(rows) == len(rows) - 1
                extended[n] = min(rows), max(rows) + 1
        return extended

    def find(self, offsets: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        found = np.zeros((len(offsets) - 1, 2), np.int64)
        for n in range(len(found)):
            one = self.everything()
            for token in tokens[offsets[n] : offsets[n + 1]]:
                one = self.extend(one, np.array([token]))
            found[n] = one[0]
        return found

    def allowed_top(self, log_probs: np.ndarray, ranges: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        assert log_probs.dtype == np.float32 and len(log_probs) == len(ranges)
        tokens = np.full((len(ranges), k), -1, np.int32)
        extended = np.zeros((len(ranges), k, 2), np.int64)
        for n, (low, high) in enumerate(ranges.tolist()):
            occurring = {self.next[row] for row in range(low, high)} - {-1}
            best = sorted(occurring, key=lambda token: (-log_probs[n, token], token))[:k]
            tokens[n, : len(best)] = best
            extended[n, : len(best)] = self.extend(np.repeat(ranges[n : n + 1], len(best), 0), np.array(best))
        return tokens, extended


@dataclass(frozen=True)
class Kit:
    """What the tests build their small worlds from."""

    model: Callable[..., TableModel]
    index: Callable[..., ListIndex | FmIndex]


def native_index(passages: Sequence[Sequence[int]]) -> FmIndex:
    tokens = np.array([token for passage in passages for token in passage], np.uint32)
    return FmIndex.build(
        tokens, np.array([len(p) for p in passages], np.int64), int(tokens.max(initial=40)) + 1
    )


@pytest.fixture(scope="session", params=[ListIndex, native_index], ids=["lists", "native"])
def kit(request: pytest.FixtureRequest) -> Kit:
    return Kit(TableModel, request.param)
