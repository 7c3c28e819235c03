"""A passage's keys and values, computed once and spliced into any prompt: their name, and what keeps them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from skerry.core.errors import InvalidInput

if TYPE_CHECKING:
    import torch

Tier: TypeAlias = Literal["memory", "redis", "disk"]
"""Where a value was found."""

_DIGEST = re.compile(r"[0-9a-f]{8,128}")


@dataclass(frozen=True, slots=True, eq=False)
class PassageKV:
    """What a model's layers made of one passage that stood behind a fixed prompt.

    Attributes:
        keys, values: (layers, KV heads, tokens, head size), of one floating-point type, on the CPU. Keys are
            rotated for the positions start, start + 1, ...
        start: position of the first token, which is the length of what stood before it.
        sentence_ends: token offsets behind each sentence, ascending; the last is `tokens`.
    """

    keys: torch.Tensor = field(repr=False)
    values: torch.Tensor = field(repr=False)
    start: int
    sentence_ends: tuple[int, ...]

    @property
    def tokens(self) -> int:
        """Tokens of the passage."""
        return int(self.keys.shape[2])

    @property
    def nbytes(self) -> int:
        """Bytes of keys and values."""
        return int(self.keys.nbytes + self.values.nbytes)


@dataclass(frozen=True, slots=True)
class StoreKey:
    """The name of a passage's keys and values: three hex digests, of everything that they depend on.

    Attributes:
        model: of the weights, the rotation's parameters, the tokenizer and the type that is computed in.
        prompt: of the tokens that stand before the passage.
        passage: of the passage's tokens.

    Raises:
        InvalidInput: a part that is not 8 to 128 hex digits: one with a separator could be another's name.
    """

    model: str
    prompt: str
    passage: str

    def __post_init__(self) -> None:
        for part in (self.model, self.prompt, self.passage):
            if not _DIGEST.fullmatch(part):
                raise InvalidInput(
                    f"{part!r} is no digest of 8 to 128 hex digits.", details={"field": "store key"}
                )

    def __str__(self) -> str:
        return f"kv:1:{self.model}:{self.prompt}:{self.passage}"


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A stored value and the tier that had it."""

    kv: PassageKV
    tier: Tier


class PassageKVStore(Protocol):
    """Keeps passages' keys and values. Safe to call from several threads; a tier that fails is a miss."""

    def get_many(self, keys: Sequence[StoreKey]) -> list[Found | None]:
        """What is kept under each name, in order; None where there is nothing, or nothing that is whole.

        The tensors are the store's own: read them, never write to them.
        """
        ...

    def put_many(self, items: Sequence[tuple[StoreKey, PassageKV]]) -> None:
        """Offer values; what is kept of them is the store's choice. The tensors are copied."""
        ...
