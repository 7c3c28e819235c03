"""What a prefill pattern is, and where the patterns are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from skerry.core.registry import Registry

if TYPE_CHECKING:
    import torch


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


PATTERNS: Registry[type[AttentionPattern]] = Registry(
    "prefill pattern",
    {},
)
