"""Time for one decoded token against the context's length: each method beside the library's own way."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from transformers import DynamicCache

from skerry.benchmarks.decode.answers import Method
from skerry.core.deadline import Deadline
from skerry.core.progress import Task
from skerry.generation.attention.state import AttentionState
from skerry.generation.model import LoadedModel, Run
from skerry.generation.selection.base import make_selector
from skerry.generation.selection.sentence_ends import SentenceTracker, sentence_ends

PEER = "transformers"
"""The library's forward pass on its default cache, with its "sdpa" attention."""
PLAIN = "no selector"
"""The same attention on the preallocated cache, with the fused step."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Of one method at one length.

    Attributes:
        context: rows in the cache before the first token.
        first: milliseconds of the first token, in which a selector describes what is in the cache.
        median, mean: milliseconds of the later ones.
        faster: the median over the tokens of the library's time by this method's, token by token.
        nats: -log p of the text that is decoded, a token.
    """

    context: int
    method: str
    first: float
    median: float
    mean: float
    faster: float
    nats: float


@dataclass(slots=True)
class _Runner:
    name: str
    feed: Callable[[int, bool], torch.Tensor]
    seconds: list[float] = field(default_factory=list)
    nats: list[float] = field(default_factory=list)


def speeds(
    loaded: LoadedModel,
    tokens: Sequence[int],
    lengths: Sequence[int],
    methods: Sequence[Method],
    count: int,
    task: Task,
) -> Iterator[Speed]:
    """All methods at all lengths, token by token in turn, on the same text.

    Args:
        tokens: a text of more than the greatest length and `count` tokens; it is read once, and what
            follows a length in it is what is decoded there.
        count: tokens that are decoded at each length.
    """
    longest = Run(loaded, max(lengths))
    longest.prefill(tokens[: max(lengths)], Deadline(None))
    task.advance()
    for length in lengths:
        fed = tokens[length : length + count]
        tracker = SentenceTracker(loaded.tokenizer)
        opens = [tracker.push(token) for token in fed]
        runners = [_peer(loaded, longest, length), _plain(loaded, longest, length, count)]
        ends = sentence_ends(loaded.tokenizer, tokens[:length])
        runners += [_runner(loaded, longest, length, count, method, ends) for method in methods]
        for number, (token, new) in enumerate(zip(fed, opens, strict=True)):
            # Each method comes first as often as any other.
            turn = number % len(runners)
            for runner in runners[turn:] + runners[:turn]:
                started = time.perf_counter()
                logits = runner.feed(token, new)
                runner.seconds.append(time.perf_counter() - started)
                following = tokens[length + number + 1]
                runner.nats.append(-float(torch.log_softmax(logits.float(), dim=-1)[following]))
        task.advance()
        for runner in runners:
            yield _speed(length, runner, runners[0])


def _speed(length: int, runner: _Runner, peer: _Runner) -> Speed:
    later = [1e3 * seconds for seconds in runner.seconds[1:]]
    ratios = [theirs / ours for theirs, ours in zip(peer.seconds[1:], runner.seconds[1:], strict=True)]
    return Speed(
        context=length,
        method=runner.name,
        first=1e3 * runner.seconds[0],
        median=statistics.median(later),
        mean=statistics.fmean(later),
        faster=statistics.median(ratios),
        nats=statistics.fmean(runner.nats),
    )


def _peer(loaded: LoadedModel, source: Run, length: int) -> _Runner:
    cache = DynamicCache()
    for number, layer in enumerate(source.cache.layers):
        cache.update(layer.keys[:, :, :length].clone(), layer.values[:, :, :length].clone(), number)

    def feed(token: int, opens: bool) -> torch.Tensor:
        with torch.inference_mode(), _library_attention(loaded):
            out = loaded.weights(
                input_ids=torch.tensor([[token]]),
                use_cache=True,
                logits_to_keep=1,
                **{loaded.cache_argument: cache},
            )
        logits: torch.Tensor = out.logits[0, -1]
        return logits

    return _Runner(PEER, feed)


@contextmanager
def _library_attention(loaded: LoadedModel) -> Iterator[None]:
    ours = loaded.weights.config._attn_implementation
    loaded.weights.config._attn_implementation = "sdpa"
    try:
        yield
    finally:
        loaded.weights.config._attn_implementation = ours


def _plain(loaded: LoadedModel, source: Run, length: int, count: int) -> _Runner:
    run = _copied(loaded, source, length, count, AttentionState())

    def feed(token: int, opens: bool) -> torch.Tensor:
        return run.step([token])

    return _Runner(PLAIN, feed)


def _runner(
    loaded: LoadedModel, source: Run, length: int, count: int, method: Method, ends: Sequence[int]
) -> _Runner:
    selector = make_selector(method.selector, method.budget)
    selector.begin([ends])
    run = _copied(loaded, source, length, count, AttentionState(selector=selector))

    def feed(token: int, opens: bool) -> torch.Tensor:
        selector.advance([opens])
        return run.step([token])

    return _Runner(method.name, feed)


def _copied(loaded: LoadedModel, source: Run, length: int, count: int, attention: AttentionState) -> Run:
    run = Run(loaded, length + count, attention)
    for number, layer in enumerate(source.cache.layers):
        run.cache.update(layer.keys[:, :, :length], layer.values[:, :, :length], number)
    return run
