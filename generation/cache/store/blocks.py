"""Memory for one value, taken from the system and given back to it: freed values leave no holes behind.

The C library keeps freed blocks of this size for itself, and values of many sizes that come and go fragment
what it keeps, so that a process grows far beyond the bytes that it holds.
"""

from __future__ import annotations

import dataclasses
import mmap
import sys
from math import prod

import torch

from skerry.generation.cache.passage_kv import PassageKV

_FLAGS = (
    {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE} if sys.platform == "linux" else {}
)


def block(nbytes: int) -> mmap.mmap:
    """`nbytes` (at least 1) of writable memory; it goes back to the system with the last tensor over it."""
    return mmap.mmap(-1, nbytes, **_FLAGS)


def taken(nbytes: int) -> int:
    """Bytes of memory that a block of `nbytes` takes: whole pages."""
    return -(-nbytes // mmap.PAGESIZE) * mmap.PAGESIZE


def tensor(
    buffer: mmap.mmap | memoryview, dtype: torch.dtype, shape: tuple[int, ...], at: int
) -> torch.Tensor:
    """The buffer's bytes from `at` on as a tensor, which keeps the buffer alive."""
    return torch.frombuffer(buffer, dtype=dtype, count=prod(shape), offset=at).view(shape)


def copied(kv: PassageKV) -> PassageKV:
    """The same values in one block of their own."""
    shape, dtype = tuple(kv.keys.shape), kv.keys.dtype
    own = block(kv.nbytes)
    keys = tensor(own, dtype, shape, 0)
    values = tensor(own, dtype, shape, kv.keys.nbytes)
    keys.copy_(kv.keys)
    values.copy_(kv.values)
    return dataclasses.replace(kv, keys=keys, values=values)
