"""The compiled kernels. Arrays are one-dimensional; loops run without the GIL."""

from typing import overload

import numpy as np
from numpy.typing import NDArray

_Queries = NDArray[np.uint64] | NDArray[np.int64]

class DamagedSection(ValueError):
    """A section whose bytes are not what was written."""

class BitVector:
    """Bits with rank and select, about 1.2 bits a bit. Immutable, safe to query from several threads.

    Queries take uint64 or int64 arrays of shape (m,), strided ones too, and raise IndexError, naming
    the query, when one is out of range. `portable` takes the loops without BMI2, which tests compare.
    """

    @overload
    @staticmethod
    def from_bits(bits: NDArray[np.uint8]) -> BitVector: ...
    @overload
    @staticmethod
    def from_bits(bits: NDArray[np.bool_]) -> BitVector:
        """From one bit a byte, contiguous, shape (n,). ValueError for other values than 0 and 1."""
    @staticmethod
    def from_words(words: NDArray[np.uint64], size: int) -> BitVector:
        """From bits packed 64 a word, least significant first, shape (ceil(size / 64),)."""
    @staticmethod
    def from_section(data: NDArray[np.uint8], *, verify: bool = True) -> BitVector:
        """Over the bytes of `section()`, not copied: a slice of a memory map that starts at a multiple of 8.

        Without `verify` only the header and the sizes are checked (the file is not read).

        Raises:
            DamagedSection: wrong magic, version, size or checksum.
            ValueError: not aligned.
        """
    def section(self) -> NDArray[np.uint8]:
        """The bytes to write to a file: a read-only view, shape (n,), n a multiple of 64."""
    def __len__(self) -> int: ...
    @property
    def ones(self) -> int: ...
    @property
    def zeros(self) -> int: ...
    def rank1(self, positions: _Queries, *, portable: bool = False) -> NDArray[np.uint64]:
        """Ones in [0, p) for each p, 0 <= p <= n."""
    def rank0(self, positions: _Queries, *, portable: bool = False) -> NDArray[np.uint64]:
        """Zeros in [0, p) for each p, 0 <= p <= n."""
    def select1(self, ranks: _Queries, *, portable: bool = False) -> NDArray[np.uint64]:
        """Position of the one of rank k, from 0, for each k < ones."""
    def select0(self, ranks: _Queries, *, portable: bool = False) -> NDArray[np.uint64]:
        """Position of the zero of rank k, from 0, for each k < zeros."""
    def access(self, positions: _Queries) -> NDArray[np.uint8]:
        """The bit at each p < n."""

def cover_located(
    key_offsets: NDArray[np.int64],
    key_tokens: NDArray[np.uint32],
    weights: NDArray[np.float64],
    b: float,
    keys: NDArray[np.int64],
    passages: NDArray[np.int64],
    starts: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """See `skerry.kernels.key_cover.cover_located`."""

def cover_passages(
    key_offsets: NDArray[np.int64],
    key_tokens: NDArray[np.uint32],
    weights: NDArray[np.float64],
    anchored: NDArray[np.bool_],
    single_tokens: NDArray[np.uint32],
    single_weights: NDArray[np.float64],
    vocabulary: int,
    b: float,
    offsets: NDArray[np.int64],
    tokens: NDArray[np.uint32],
    matches: bool,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """See `skerry.kernels.key_cover.cover_passages`."""
