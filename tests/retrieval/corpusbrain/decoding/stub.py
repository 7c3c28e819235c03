"""A title model whose log-probabilities are drawn from a hash of the sequence, and a plain beam search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skerry.retrieval.corpusbrain.model.base import Tokens

from .exhaustive import following

END, STOP, VOCABULARY = 0, 1, 12
Row = tuple[str, tuple[int, ...]]


@dataclass
class StubModel:
    """States are lists of (query, tokens); `asked` counts the calls of `log_probs`."""

    normalises: bool = False
    room: int = 50
    end: int = END
    stop: int = STOP
    asked: int = 0

    def encode_titles(self, titles: Sequence[str]) -> list[list[int]]:
        """Letters as numbers."""
        return [[2 + ord(letter) % (VOCABULARY - 2) for letter in title] for title in titles]

    def read(self, queries: Sequence[str]) -> list[str]:
        """Nothing to do."""
        return list(queries)

    def begin(self, memory: list[str], queries: NDArray[np.int64]) -> list[Row]:
        """See `TitleModel`."""
        return [(memory[query], ()) for query in queries.tolist()]

    def advance(self, state: list[Row], rows: NDArray[np.int64], tokens: NDArray[np.int64]) -> list[Row]:
        """See `TitleModel`."""
        return [
            (state[row][0], (*state[row][1], token))
            for row, token in zip(rows.tolist(), tokens.tolist(), strict=True)
        ]

    def log_probs(self, state: list[Row], allowed: Sequence[Tokens]) -> list[NDArray[np.float32]]:
        """See `TitleModel`."""
        self.asked += 1
        return [
            np.array([self.log_prob(query, begun, token, tokens.tolist()) for token in tokens.tolist()], "f4")
            for (query, begun), tokens in zip(state, allowed, strict=True)
        ]

    def log_prob(self, query: str, begun: tuple[int, ...], token: int, allowed: Sequence[int]) -> float:
        """Of one token."""
        seed = [len(begun), *begun, *query.encode()]
        logits = np.random.default_rng(seed).normal(size=VOCABULARY)
        if self.normalises and len(allowed) == 1:
            return 0.0
        shares = logits[list(allowed)] if self.normalises else logits
        return float(logits[token] - np.log(np.exp(shares).sum()))


def plain_search(
    model: StubModel, names: Sequence[Sequence[int]], query: str, beams: int, titles: int
) -> dict[int, float]:
    """page -> log-probability of its best sequence: a beam search that drops nothing it could have kept."""
    live: list[tuple[float, tuple[int, ...], tuple[int, ...], int]] = [(0.0, (), (), 0)]
    pages = {tuple(name): page for page, name in enumerate(names)}
    found: dict[int, float] = {}
    while live:
        longer = []
        for score, whole, begun, place in live:
            allowed = following(names, begun, model.end)
            if place and not begun:
                allowed.append(model.stop)
            for token in following(names, begun, model.end):
                total = score + float(np.float32(model.log_prob(query, whole, token, allowed)))
                if token != model.end:
                    longer.append((total, (*whole, token), (*begun, token), place))
                    continue
                page = pages[begun]
                found[page] = max(total, found.get(page, float("-inf")))
                if place + 1 < titles:
                    longer.append((total, (*whole, token), (), place + 1))
        live = sorted(longer, key=lambda one: -one[0])[:beams]
    return found
