"""What a prefill pattern is, and where the patterns are found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

from skerry.core.errors import InvalidInput
from skerry.core.registry import Registry

if TYPE_CHECKING:
    import torch

    from skerry.kernels.attention import BlockIndex


class AttentionPattern(Protocol):
    """Which keys each query of a prompt sees; holds its settings and nothing of a request."""

    def attend(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """One layer's attention, shape (heads, n, head size), in the type of the queries.

        Args:
            queries: (heads, n, head size), the last n of m positions: query i sees no key after m - n + i.
            keys, values: (KV heads, m, head size), m >= n; may be views with a stride.
            scale: of the products, before the softmax.
        """
        ...


class PlannedPattern(ABC):
    """A pattern that first says which keys are seen, and then attends to exactly those."""

    @abstractmethod
    def plan(self, queries: torch.Tensor, keys: torch.Tensor, scale: float) -> BlockIndex:
        """The keys that each block of queries sees, at least its own. Shapes as in `attend`."""

    def attend(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """See `AttentionPattern`."""
        from skerry.kernels.attention import attend_blocks

        return attend_blocks(queries, keys, values, self.plan(queries, keys, scale), scale)[0]


def check_setting(pattern: str, name: str, value: float, low: float, high: float) -> None:
    """A setting of a pattern in [low, high]; raises `InvalidInput` that names both."""
    if not low <= value <= high:
        raise InvalidInput(
            f"{name} of the prefill pattern {pattern} is {value!r}; it must be from {low:g} to {high:g}.",
            details={"field": name, "pattern": pattern},
        )


PATTERNS: Registry[type[AttentionPattern]] = Registry(
    "prefill pattern",
    {
        "a_shape": "skerry.generation.attention.a_shape:AShape",
        "auto": "skerry.generation.attention.auto:Auto",
        "block_sparse": "skerry.generation.attention.block_sparse:BlockSparse",
        "dense": "skerry.generation.attention.dense:Dense",
        "flex_prefill": "skerry.generation.attention.flex_prefill:FlexPrefill",
        "hyper": "skerry.generation.attention.hyper:Hyper",
        "stripe": "skerry.generation.attention.stripe:Stripe",
        "vertical_slash": "skerry.generation.attention.vertical_slash:VerticalSlash",
    },
)
