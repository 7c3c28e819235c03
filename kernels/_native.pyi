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

class FmText:
    """The reversed, marked text of an FM-index, before its suffixes are sorted.

    Raises ValueError for lengths that do not add up and for tokens that are not below `alphabet`.
    """

    def __init__(self, tokens: NDArray[np.uint32], lengths: NDArray[np.int64], alphabet: int) -> None: ...
    @property
    def width(self) -> int:
        """Bytes a symbol: 1, 2 or 3, the highest first."""
    @property
    def bytes(self) -> NDArray[np.uint8]:
        """What is to be sorted: shape (width * (tokens + passages + 2),)."""
    @overload
    def image(self, suffixes: NDArray[np.int32], locate_every: int) -> NDArray[np.uint8]: ...
    @overload
    def image(self, suffixes: NDArray[np.int64], locate_every: int) -> NDArray[np.uint8]:
        """The index as the bytes of a file, from the suffix array of `bytes`, which is overwritten."""

class FmIndex:
    """Substring queries over passages of tokens, in the bytes of `FmText.image`, which are not copied.

    `data` must start at a multiple of 64 bytes. Without `verify` only the header, the table of sections and
    the codes are checked. Raises DamagedSection; queries raise it too when they meet damage. Ranges are int64
    of shape (n, 2). IndexError for ranges, rows and passages that cannot be, ValueError for shapes.
    `portable` takes the loops without BMI2, which tests compare.
    """

    def __init__(self, data: NDArray[np.uint8], *, verify: bool = False) -> None: ...
    @property
    def rows(self) -> int: ...
    @property
    def tokens(self) -> int: ...
    @property
    def passages(self) -> int: ...
    @property
    def alphabet(self) -> int: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def locate_every(self) -> int: ...
    @property
    def sections(self) -> dict[str, int]:
        """Bytes of each section of the file."""
    def extend(
        self, ranges: NDArray[np.int64], tokens: NDArray[np.uint32], threads: int, portable: bool = False
    ) -> NDArray[np.int64]: ...
    def probe(
        self,
        ranges: NDArray[np.int64],
        tokens: NDArray[np.uint32],
        shared: bool,
        threads: int,
        portable: bool = False,
    ) -> NDArray[np.int64]:
        """`tokens` flat: k for all ranges where `shared`, else k for each range; shape (n, k, 2)."""
    def find(
        self, offsets: NDArray[np.int64], tokens: NDArray[np.uint32], threads: int, portable: bool = False
    ) -> NDArray[np.int64]: ...
    def continuations(
        self, ranges: NDArray[np.int64], threads: int, portable: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.int64]]: ...
    def locate(
        self, rows: NDArray[np.int64], lengths: NDArray[np.int64], threads: int, portable: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
    def extract(
        self, passages: NDArray[np.int64], threads: int, portable: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32]]: ...
    def allowed_top(
        self,
        scores: NDArray[np.float32],
        ranges: NDArray[np.int64],
        k: int,
        threads: int,
        portable: bool = False,
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]: ...

def allow_avx512(allowed: bool) -> bool:
    """Whether the FM-index may use AVX-512 in this process, for tests; says whether it now does."""

def follow(lines: NDArray[np.uint64], steps: int, walks: int) -> int:
    """Follow links from cache line to cache line, for the time that it takes.

    `lines` (n, 8): the first number of a line is the next line's. `walks` (1 to 32) go side by side, `steps`
    each.
    """

def encoder_available() -> bool: ...

class Encoder:
    """See `skerry.kernels.encoder`. Only there where the processor's family is x86-64."""

    def __init__(self, heads: int, width: int, epsilon: float) -> None: ...
    def add(
        self,
        joint: NDArray[np.float32],
        joint_bias: NDArray[np.float32],
        mixed: NDArray[np.float32],
        mixed_bias: NDArray[np.float32],
        first_norm: NDArray[np.float32],
        first_norm_bias: NDArray[np.float32],
        inner: NDArray[np.float32],
        inner_bias: NDArray[np.float32],
        outer: NDArray[np.float32],
        outer_bias: NDArray[np.float32],
        second_norm: NDArray[np.float32],
        second_norm_bias: NDArray[np.float32],
        middle_in_eight_bits: bool,
    ) -> None: ...
    def run(
        self,
        states: NDArray[np.float32],
        offsets: NDArray[np.int64],
        depths: list[int],
        pack: int,
        threads: int,
    ) -> NDArray[np.float32]: ...

def attention_in_bf16() -> bool: ...
def attend_blocks(
    q: object,
    k: object,
    v: object,
    block: int,
    block_starts: object,
    blocks: object,
    column_starts: object,
    columns: object,
    scale: float,
    out: object,
    lse: object,
    threads: int,
    isa: str = "",
) -> None:
    """See `skerry.kernels.attention.attend_blocks`; writes to `out` and `lse`. Tensors, or their capsules.

    `isa` ("avx512", "avx2", "baseline") asks for the loops of float32 that tests compare.
    """

def attend_suffix(
    q: object,
    k: object,
    v: object,
    limits: object,
    scale: float,
    out: object,
    lse: object,
    threads: int,
    isa: str = "",
) -> None:
    """See `skerry.kernels.attention.attend_suffix`."""

def attend_ranges(
    q: object,
    k: object,
    v: object,
    starts: object,
    ranges: object,
    scale: float,
    out: object,
    lse: object,
    threads: int,
    isa: str = "",
) -> None:
    """See `skerry.kernels.attention.attend_ranges`."""

def piece_shares(
    q: object, k: object, bounds: object, scale: float, out: object, threads: int, isa: str = ""
) -> None:
    """See `skerry.kernels.attention.piece_shares`."""

def bank_sums(
    similarities: object,
    mask: object,
    centres: object,
    factors: object,
    sums: object,
    threads: int,
    isa: str = "",
) -> None:
    """See `skerry.kernels.kernel_bank`."""

def bank_gradients(
    similarities: object,
    mask: object,
    centres: object,
    factors: object,
    of_sums: object,
    gradients: object,
    threads: int,
    isa: str = "",
) -> None:
    """See `skerry.kernels.kernel_bank`."""

def plan_stripes(
    q: object,
    k: object,
    block: int,
    samples: int,
    first_keys: int,
    window: int,
    share: float,
    whole: float,
    scale: float,
    threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """See `skerry.kernels.stripes.plan_stripes`; bfloat16 tensors come as views of 16-bit numbers."""
