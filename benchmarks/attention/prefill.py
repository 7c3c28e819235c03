"""A whole prompt through the model: seconds beside the library's default, and what the text then costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from skerry.core.deadline import Deadline
from skerry.generation.attention.base import AttentionPattern
from skerry.generation.attention.dense import Dense
from skerry.generation.attention.state import AttentionState, using
from skerry.generation.model import LoadedModel, Run

LIBRARY, DENSE = "transformers, dense", "dense, native kernel"
_TAIL = 512
"""Last tokens of the prompt whose cost is looked at."""


@dataclass(frozen=True, slots=True)
class Prefill:
    """Attributes:
    length: tokens.
    name: of pattern and setting.
    seconds: until the logits after the last token, median.
    faster: the library's seconds by these, median over the rounds.
    processor: seconds of processor time, of all threads, median: what a busy machine leaves comparable.
    nats: -log p of a token, mean over the last 512.
    change: the same beside dense attention, as a share.
    divergence: Kullback-Leibler, of the next token's distribution from dense attention's, mean over the 512.
    """

    length: int
    name: str
    seconds: float
    faster: float
    processor: float
    nats: float
    change: float
    divergence: float


def prefill(
    loaded: LoadedModel,
    tokens: list[int],
    patterns: Mapping[str, AttentionPattern],
    rounds: int,
    done: Callable[[], None],
) -> list[Prefill]:
    """The library's default first, then dense attention by the native kernel, then the patterns.

    Args:
        loaded: the model.
        tokens: of the prompt.
        patterns: by name.
        rounds: each of which reads the prompt once with everything.
        done: called after each reading.
    """
    length = len(tokens)
    chosen: dict[str, AttentionPattern | None] = {LIBRARY: None, DENSE: Dense(), **patterns}
    taken: dict[str, list[float]] = {name: [] for name in chosen}
    worked: dict[str, list[float]] = {name: [] for name in chosen}
    for _ in range(rounds):
        for name, pattern in chosen.items():
            began, used = time.perf_counter(), time.process_time()
            if pattern is None:
                _library(loaded, tokens)
            else:
                Run(loaded, length, AttentionState(pattern)).prefill(tokens, Deadline(None))
            taken[name].append(time.perf_counter() - began)
            worked[name].append(time.process_time() - used)
            done()
    dense = _logarithms(loaded, tokens, Dense())
    results = []
    for name, pattern in chosen.items():
        given = dense if pattern is None or name == DENSE else _logarithms(loaded, tokens, pattern)
        nats, beside = _nats(given, tokens), _nats(dense, tokens)
        results.append(
            Prefill(
                length,
                name,
                statistics.median(taken[name]),
                statistics.median(a / b for a, b in zip(taken[LIBRARY], taken[name], strict=True)),
                statistics.median(worked[name]),
                nats,
                nats / beside - 1,
                float((dense.exp() * (dense - given)).sum(-1).mean()),
            )
        )
        done()
    return results


def _library(loaded: LoadedModel, tokens: list[int]) -> None:
    """What `generate` does first: one pass over the prompt, a cache that grows."""
    with torch.inference_mode():
        loaded.weights(input_ids=torch.tensor([tokens]), use_cache=True, logits_to_keep=1)


def _logarithms(loaded: LoadedModel, tokens: list[int], pattern: AttentionPattern) -> torch.Tensor:
    """Log-probabilities (512, vocabulary) of what follows the last 512 tokens but one."""
    with torch.inference_mode(), using(AttentionState(pattern)):
        out = loaded.weights(input_ids=torch.tensor([tokens]), use_cache=False, logits_to_keep=_TAIL + 1)
    last: torch.Tensor = out.logits[0, :-1].float().log_softmax(-1)
    return last


def _nats(logarithms: torch.Tensor, tokens: list[int]) -> float:
    real = torch.tensor(tokens[-len(logarithms) :])
    return -float(logarithms.gather(1, real[:, None]).mean())
