"""The file of a title tree.

A 64-byte header and four arrays, little-endian, end to end:

    first_child  uint32 (nodes + 1,)  node i's children are the nodes first_child[i] to first_child[i + 1] - 1
    ends         uint32 (pages,)      nodes where a name ends, ascending
    end_pages    uint32 (pages,)      the page of each of them
    tokens       (nodes,)             the token that leads to each node; uint16, or uint32 if one needs it

Nodes are numbered level by level, those of a level in the order of their parents and then of their tokens.
The root is 0, and its token means nothing. The header's last four bytes are the CRC-32 of all else.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skerry.core.errors import IndexCorrupt

MAGIC = b"SKRYTTR\n"
VERSION = 1
_HEADER = struct.Struct("<8sHHIQQ28x")
_CHECKSUM = struct.Struct("<I")
HEADER_SIZE = _HEADER.size + _CHECKSUM.size


@dataclass(frozen=True, slots=True)
class Shape:
    """What a header says.

    Attributes:
        nodes, pages: how many.
        end: the token that ends a name.
        width: bytes of a token in the file, 2 or 4.
    """

    nodes: int
    pages: int
    end: int
    width: int

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return HEADER_SIZE + 4 * (self.nodes + 1) + 8 * self.pages + self.width * self.nodes


@dataclass(frozen=True, slots=True)
class Arrays:
    """The four arrays; shapes and dtypes stand above."""

    first_child: NDArray[np.uint32]
    ends: NDArray[np.uint32]
    end_pages: NDArray[np.uint32]
    tokens: NDArray[np.uint16] | NDArray[np.uint32]


def pack_header(shape: Shape, payload: list[NDArray[np.unsignedinteger]]) -> bytes:
    """The header before the arrays whose parts are `payload`, in the order of the file."""
    header = _HEADER.pack(MAGIC, VERSION, shape.width, shape.end, shape.nodes, shape.pages)
    checksum = zlib.crc32(header)
    for part in payload:
        checksum = zlib.crc32(part.data, checksum)
    return header + _CHECKSUM.pack(checksum)


def read_shape(path: Path, data: memoryview) -> Shape:
    """What a file's header says. Raises `IndexCorrupt` unless every byte of `data` is as it was written."""
    if len(data) < HEADER_SIZE:
        raise corrupt(path, f"is {len(data)} bytes long, shorter than its header")
    magic, version, width, end, nodes, pages = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise corrupt(path, "is not a title tree")
    if version != VERSION:
        raise corrupt(path, f"has format version {version}; this Skerry reads version {VERSION}")
    shape = Shape(nodes, pages, end, width)
    if len(data) != shape.size:
        raise corrupt(path, f"is {len(data)} bytes long; its header says {shape.size}")
    (checksum,) = _CHECKSUM.unpack_from(data, _HEADER.size)
    if zlib.crc32(data[HEADER_SIZE:], zlib.crc32(data[: _HEADER.size])) != checksum:
        raise corrupt(path, "is damaged: its checksum is another than its header says")
    return shape


def read_arrays(data: memoryview, shape: Shape) -> Arrays:
    """Read-only views of a file's bytes."""
    ends = HEADER_SIZE + 4 * (shape.nodes + 1)
    pages = ends + 4 * shape.pages
    tokens = np.dtype(f"<u{shape.width}")
    return Arrays(
        np.frombuffer(data, "<u4", shape.nodes + 1, HEADER_SIZE),
        np.frombuffer(data, "<u4", shape.pages, ends),
        np.frombuffer(data, "<u4", shape.pages, pages),
        np.frombuffer(data, tokens, shape.nodes, pages + 4 * shape.pages),
    )


def corrupt(path: Path, what: str) -> IndexCorrupt:
    """The error for a damaged file."""
    return IndexCorrupt(
        f"The title tree {path} {what}.",
        hint="Build the index again, or restore the file from a copy.",
        details={"path": str(path)},
    )
