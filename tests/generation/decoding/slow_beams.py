"""Diverse beam search in the slowest way: every hypothesis is read as a whole, at every token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Slow:
    tokens: tuple[int, ...]
    total: float
    ended: bool = False

    def score(self, length_penalty: float) -> float:
        return self.total / len(self.tokens) ** length_penalty


def slow_search(
    next_logits: Callable[[tuple[int, ...]], torch.Tensor],
    beams: int,
    groups: int,
    penalty: float,
    length_penalty: float,
    max_tokens: int,
    ends: Callable[[tuple[int, ...]], bool],
) -> list[Slow]:
    """What was found, best first; the tokens that end a hypothesis are among its own.

    Args:
        next_logits: of the tokens so far: (vocabulary,).
        ends: whether an answer ends with the last of these tokens.
    """

    def score(one: Slow) -> float:
        return one.score(length_penalty)

    width = beams // groups
    running = [[Slow((), 0.0)] for _ in range(groups)]
    finished: list[list[Slow]] = [[] for _ in range(groups)]
    for length in range(1, max_tokens + 1):
        taken: list[int] = []
        for group in range(groups):
            candidates = []
            for parent in running[group]:
                scores = torch.log_softmax(next_logits(parent.tokens).float(), -1).tolist()
                for token, gain in enumerate(scores):
                    tokens = (*parent.tokens, token)
                    longer = Slow(tokens, parent.total + gain, length == max_tokens or ends(tokens))
                    candidates.append((longer.total - penalty * taken.count(token), longer))
            candidates.sort(key=lambda pair: -pair[0])
            finished[group] += [one for _, one in candidates[:width] if one.ended]
            finished[group] = sorted(finished[group], key=score, reverse=True)[:width]
            running[group] = [one for _, one in candidates if not one.ended][:width]
            if (
                running[group]
                and len(finished[group]) == width
                and max(map(score, running[group])) <= score(finished[group][-1])
            ):
                running[group] = []
            taken += [one.tokens[-1] for one in running[group]]
    return sorted((one for group in finished for one in group), key=score, reverse=True)
