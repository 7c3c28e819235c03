"""How the layers attend in one pass through the model: what the registered attention function looks up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch

    from skerry.core.deadline import Deadline
    from skerry.generation.attention.base import AttentionPattern


@dataclass(frozen=True, slots=True)
class RowRanges:
    """Rows of the cache that each KV head reads, as ranges [from, to) in ascending order.

    Attributes:
        starts: int32 of shape (batch * KV heads + 1,): the ranges of head h of sequence b stand in `ranges`
            from `starts[b * KV heads + h]` up to the next entry.
        ranges: int32 of shape (n, 2).
    """

    starts: torch.Tensor
    ranges: torch.Tensor


class RowSelector(Protocol):
    """What the attention function asks of a key-value selector, layer by layer."""

    def observe(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> None:
        """Several tokens were read in one pass (a prompt, or a part of one).

        Args:
            layer: its number in the model, from 0.
            queries: (batch, heads, n, head size); with `AttentionState.limits` of scattered rows, of which
                the last ones stand at the end of the cache.
            keys: (batch, KV heads, m, head size), all that are in the cache by now.
        """
        ...

    def select(self, layer: int, queries: torch.Tensor, keys: torch.Tensor) -> RowRanges | None:
        """The rows that one new token reads; None for all of them. Shapes as in `observe`, n = 1."""
        ...


@dataclass(frozen=True, slots=True)
class AttentionState:
    """Of one pass. With nothing set every layer attends as transformers' "sdpa" does, to the bit.

    Attributes:
        pattern: for passes of several tokens in their order, at the end of what the cache holds.
        selector: for passes of one token.
        limits: int32 of shape (n,): the n tokens of this pass are scattered rows, and row i sees the keys
            [0, limits[i]). Takes the place of the pattern.
        deadline: looked at in every layer, so that a pass may be long.
        branches: of n "sequences": the n tokens of this pass end n branches of one sequence, and token i
            reads these rows of its cache. Takes the place of the pattern, and goes without a selector.
    """

    pattern: AttentionPattern | None = None
    selector: RowSelector | None = None
    limits: torch.Tensor | None = None
    deadline: Deadline | None = None
    branches: RowRanges | None = None

    @property
    def scattered(self) -> bool:
        """Whether the tokens of this pass are not the next ones, in their order."""
        return self.limits is not None or self.branches is not None


_NOTHING = AttentionState()
_STATE: ContextVar[AttentionState] = ContextVar("skerry_attention_state", default=_NOTHING)


def current() -> AttentionState:
    """The state of the pass that runs in this thread; an empty one outside `using`."""
    return _STATE.get()


@contextmanager
def using(state: AttentionState) -> Iterator[None]:
    """Passes through a model inside the block attend by `state`."""
    token = _STATE.set(state)
    try:
        yield
    finally:
        _STATE.reset(token)
