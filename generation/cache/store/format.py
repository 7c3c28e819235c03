"""One value, as Redis and the disk keep it: a header of 64 bytes, keys, values, sentence ends. No pickle.

| bytes | what |
|---|---|
| 8 | magic |
| 2, 1, 1 | version; type of the tensors; type of the stored numbers |
| 2, 2, 2, 2 | layers, KV heads, head size, zero |
| 4, 4, 4 | tokens, position of the first, sentences |
| 16 | digest of the name that the value is stored under |
| 8 | bytes of the whole value |
| 8 | XXH3 checksum of the header before it and of all that follows |

Then the keys and the values, (layers, KV heads, tokens, head size), numbers as the header says; for 8-bit
numbers their scales, float32 (2, layers, KV heads, tokens); the sentence ends, int32. All little-endian.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import Literal, TypeAlias

import torch
import xxhash

from skerry.core.errors import InvalidInput
from skerry.generation.cache.passage_kv import PassageKV, StoreKey
from skerry.generation.cache.store.blocks import tensor
from skerry.generation.cache.store.quantise import SCALE_BYTES, quantise, restore

Kind: TypeAlias = Literal["same", "int8"]
"""The stored numbers: those that were computed, or 8 bits of them."""

HEADER_BYTES = 64
_MAGIC = b"SKERRYKV"
_VERSION = 1
_BEFORE_CHECKSUM = struct.Struct("<8sHBBHHHHIII16sQ")
_CHECKSUM = struct.Struct("<Q")
_TYPES = {torch.bfloat16: 1, torch.float16: 2, torch.float32: 3}
_CODES = {code: dtype for dtype, code in _TYPES.items()}
_INT8 = 4
_WIDEST = 2**16 - 1
_LONGEST = 2**31 - 1


class DamagedValue(Exception):
    """Bytes that are not the value which their name promises; a tier counts it and deletes them."""


def stored_name(key: StoreKey, kind: Kind) -> str:
    """Under what a value lies: one in 8 bits has another name, so that neither is read as the other."""
    return str(key) if kind == "same" else f"{key}:{kind}"


def stored_digest(key: StoreKey, kind: Kind) -> bytes:
    """16 bytes that stand for the name: the value carries them, a file is named by them."""
    return blake2b(stored_name(key, kind).encode(), digest_size=16).digest()


def check(kv: PassageKV) -> None:
    """Raise `InvalidInput` unless the tensors fit each other and the sentence ends fit them."""
    keys, values, ends = kv.keys, kv.values, kv.sentence_ends
    if keys.dim() != 4 or keys.shape != values.shape or keys.dtype != values.dtype or not keys.numel():
        raise _refused(
            f"keys {tuple(keys.shape)} {keys.dtype} and values {tuple(values.shape)} {values.dtype} must have"
            " one shape, (layers, KV heads, tokens, head size), with nothing in it 0, and one type"
        )
    if keys.dtype not in _TYPES:
        raise _refused(f"the type {keys.dtype} is none of bfloat16, float16 and float32")
    layers, heads, tokens, size = keys.shape
    if max(layers, heads, size) > _WIDEST or tokens > _LONGEST or not 0 <= kv.start <= _LONGEST:
        raise _refused(f"shape {tuple(keys.shape)} from position {kv.start} is beyond the format's limits")
    if not ends or ends[-1] != tokens or ends[0] < 1 or any(end >= later for end, later in pairwise(ends)):
        raise _refused(f"sentence ends {ends} must ascend from 1 or more to the {tokens} tokens")


def _refused(what: str) -> InvalidInput:
    return InvalidInput(f"This is no passage's keys and values: {what}.", details={"field": "kv"})


def encode(digest: bytes, kv: PassageKV, kind: Kind) -> list[memoryview]:
    """The value's bytes in pieces, in order; the tensors' are not copied unless they must become 8 bits.

    Args:
        digest: 16 bytes of the name that it will be stored under.
    """
    layers, heads, tokens, size = kv.keys.shape
    code = _TYPES[kv.keys.dtype]
    if kind == "int8":
        keys, key_scales = quantise(kv.keys)
        values, value_scales = quantise(kv.values)
        payload, stored = [keys, values, key_scales, value_scales], _INT8
    else:
        payload, stored = [kv.keys, kv.values], code
    payload.append(torch.tensor(kv.sentence_ends, dtype=torch.int32))
    pieces = [_bytes(part) for part in payload]
    whole = HEADER_BYTES + sum(piece.nbytes for piece in pieces)
    head = _BEFORE_CHECKSUM.pack(
        _MAGIC,
        _VERSION,
        code,
        stored,
        layers,
        heads,
        size,
        0,
        tokens,
        kv.start,
        len(kv.sentence_ends),
        digest,
        whole,
    )
    return [memoryview(head + _CHECKSUM.pack(_checksum([memoryview(head), *pieces]))), *pieces]


def decode(digest: bytes, buffer: mmap.mmap | memoryview, kind: Kind) -> PassageKV:
    """The value in a writable buffer, checked to the last byte; tensors are views of it (copies of 8 bits).

    Raises:
        DamagedValue: anything but a whole, unaltered value of this name and kind.
    """
    data = memoryview(buffer)
    if data.nbytes < HEADER_BYTES:
        raise DamagedValue(f"{data.nbytes} bytes are less than a header")
    magic, version, code, stored, layers, heads, size, _, tokens, start, sentences, named, whole = (
        _BEFORE_CHECKSUM.unpack_from(data)
    )
    if magic != _MAGIC or version != _VERSION:
        raise DamagedValue("no value of this format")
    if named != digest:
        raise DamagedValue("the value of another name")
    if whole != data.nbytes:
        raise DamagedValue(f"{data.nbytes:,} of {whole:,} bytes")
    [told] = _CHECKSUM.unpack_from(data, _BEFORE_CHECKSUM.size)
    if _checksum([data[: _BEFORE_CHECKSUM.size], data[HEADER_BYTES:]]) != told:
        raise DamagedValue("the checksum differs")
    # What follows was written by `encode`: the checksum says so.
    if code not in _CODES or stored != (_INT8 if kind == "int8" else code):
        raise DamagedValue("numbers of another type")
    dtype, shape = _CODES[code], (layers, heads, tokens, size)
    stored_type = torch.int8 if kind == "int8" else dtype
    rows, at = layers * heads * tokens, HEADER_BYTES
    nbytes = rows * size * stored_type.itemsize
    keys, values = tensor(buffer, stored_type, shape, at), tensor(buffer, stored_type, shape, at + nbytes)
    at += 2 * nbytes
    if kind == "int8":
        scales = tensor(buffer, torch.float32, (2, *shape[:-1]), at)
        at += 2 * rows * SCALE_BYTES
        keys, values = restore(keys, scales[0], dtype), restore(values, scales[1], dtype)
    ends = tensor(buffer, torch.int32, (sentences,), at)
    return PassageKV(keys, values, start, tuple(ends.tolist()))


def _bytes(part: torch.Tensor) -> memoryview:
    return part.contiguous().view(-1).view(torch.uint8).numpy().data


def _checksum(pieces: Sequence[memoryview]) -> int:
    checksum = xxhash.xxh3_64()
    for piece in pieces:
        checksum.update(piece)
    return checksum.intdigest()
