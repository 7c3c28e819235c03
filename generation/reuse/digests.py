"""Names of keys and values: digests of everything that they depend on."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from skerry.generation.cache.passage_kv import StoreKey

if TYPE_CHECKING:
    from skerry.generation.model import LoadedModel

_SIZE = 16
DENSE = "dense"
"""The way in which passages are read alone."""


def model_digest(loaded: LoadedModel) -> str:
    """Of the weights and their configuration, the tokenizer, and the type that is computed in; hex."""
    parts = (loaded.weights_hash, loaded.tokenizer_hash, str(loaded.weights.dtype))
    return _digest("\n".join(parts).encode())


def passage_keys(
    model: str, prefix: Sequence[int], passages: Sequence[Sequence[int]], prefill: str = DENSE
) -> tuple[list[StoreKey], list[StoreKey]]:
    """Two names for each passage of a prompt: as read alone behind the prefix, and behind all before it.

    Args:
        model: `model_digest`.
        prefix, passages: tokens.
        prefill: how the whole prompt is read: what a sparse pattern computes is not what others compute.
    """
    alone, chained = [], []
    before = blake2b(_bytes(prefix), digest_size=_SIZE)
    prompt = before.hexdigest()
    if prefill != DENSE:
        before.update(prefill.encode())
    for passage in passages:
        name = _digest(_bytes(passage))
        alone.append(StoreKey(model, prompt, name))
        chained.append(StoreKey(model, before.hexdigest(), name))
        before.update(_bytes(passage))
    return alone, chained


def _bytes(tokens: Sequence[int]) -> bytes:
    """The tokens with their number in front, so that where one list ends is a part of what is hashed."""
    return array("q", [len(tokens), *tokens]).tobytes()


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=_SIZE).hexdigest()
