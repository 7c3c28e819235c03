"""The FM-index over passages of tokens: what can follow an n-gram, how often it occurs, and where.

A full-text index in compressed space (Ferragina and Manzini 2000) over the reversed passages, so that
appending a token to an n-gram is one backward step, on a Huffman-shaped wavelet matrix (Claude, Navarro and
Ordonez 2015).
"""

from __future__ import annotations

import os
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skerry.core.errors import IndexCorrupt, InvalidInput
from skerry.kernels import _native

T = TypeVar("T", bound=np.generic)

LOCATE_EVERY = 4
"""Every how many text positions the row is stored, by default; `skerry bench fm-index` measures others."""


def build_image(
    tokens: ArrayLike, lengths: ArrayLike, alphabet: int, *, locate_every: int = LOCATE_EVERY
) -> NDArray[np.uint8]:
    """The bytes of an index of passages, as they stand in a file.

    Suffixes are sorted by divsufsort, as bytes: with w bytes a symbol (1 up to 254 different tokens, 2 up to
    65,534, else 3) that takes 5w bytes a token (text and array) up to 2^31 bytes of text, 9w beyond. The rest
    of the build reuses the array; it needs the index itself and, where w is 1, 4 bytes a token.

    Args:
        tokens: of all passages, one passage after another, shape (N,), each below `alphabet`.
        lengths: tokens of each passage, shape (passages,); 0 is allowed.
        alphabet: how many different tokens there can be, at most 2^24.
        locate_every: of which text positions the row is stored: every one (1), every second (2), ...

    Raises:
        InvalidInput: tokens or lengths that cannot be, or more than 2^32 - 4 tokens and passages.
    """
    from pydivsufsort import divsufsort

    if not 1 <= locate_every < 2**31:
        raise InvalidInput(f"locate_every is {locate_every}; it must be at least 1.")
    if alphabet < 0:
        raise InvalidInput(f"The alphabet has {alphabet} tokens; it cannot be negative.")
    with _named_errors("the passages"):
        text = _native.FmText(_tokens(tokens), _list(lengths, "lengths"), alphabet)
        suffixes: NDArray[Any] = divsufsort(text.bytes)
        return text.image(suffixes, locate_every)


class FmIndex:
    """Substring queries over passages of tokens. Immutable; safe to call from several threads.

    A *range* is a half-open pair of rows and stands for an n-gram's occurrences; its width is their number.
    Ranges are int64 of shape (n, 2); an empty one has low == high. Loops run without the GIL, on several
    threads where a batch is worth it.

    Args:
        data: the bytes of `build_image`, starting at a multiple of 64; they are not copied.
        verify: check every byte, which reads all of them; otherwise the header, the table of sections and the
        codes.
        threads: at most so many; None for as many as this process may use.
        source: what the errors call it, such as the path of the file.

    Raises:
        IndexCorrupt: damage. A query raises it too when it meets damage.
    """

    def __init__(
        self,
        data: NDArray[np.uint8],
        *,
        verify: bool = False,
        threads: int | None = None,
        source: str = "the FM-index",
    ) -> None:
        self._source = source
        with self._errors():
            self._native = _native.FmIndex(data, verify=verify)
        self.threads = _processors() if threads is None else threads
        if self.threads < 1:
            raise InvalidInput(f"{self.threads} threads cannot work; at least 1.")
        self.passages: int = self._native.passages
        self.tokens: int = self._native.tokens
        self.alphabet: int = self._native.alphabet
        self.size_bytes: int = self._native.size_bytes
        self.locate_every: int = self._native.locate_every

    @classmethod
    def build(
        cls, tokens: ArrayLike, lengths: ArrayLike, alphabet: int, *, locate_every: int = LOCATE_EVERY
    ) -> FmIndex:
        """An index in memory; arguments and errors as `build_image`."""
        return cls(build_image(tokens, lengths, alphabet, locate_every=locate_every))

    @property
    def rows(self) -> int:
        """Rows of the sorted text: tokens, an end mark for each passage, and two."""
        return self._native.rows

    @property
    def sections(self) -> dict[str, int]:
        """Bytes of each part of the file."""
        return self._native.sections

    def everything(self) -> NDArray[np.int64]:
        """The range of the empty n-gram, shape (1, 2)."""
        return np.array([[0, self.rows]], dtype=np.int64)

    def beginnings(self) -> NDArray[np.int64]:
        """The range whose extension by a token is the passages that START with it, shape (1, 2)."""
        return np.array([[1, self.passages + 2]], dtype=np.int64)

    def count(self, ranges: ArrayLike) -> NDArray[np.int64]:
        """Occurrences of each range's n-gram, shape (n,)."""
        pairs = _ranges(ranges)
        return pairs[:, 1] - pairs[:, 0]

    def extend(self, ranges: ArrayLike, tokens: ArrayLike) -> NDArray[np.int64]:
        """Ranges (n, 2) of n-grams with one token (n,) appended; empty where that does not occur."""
        with self._errors():
            return self._native.extend(_ranges(ranges), _tokens(tokens), self.threads)

    def continuations(
        self, ranges: ArrayLike
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.int64]]:
        """Every token that can follow each range's n-gram.

        Returns:
            offsets int64 (n + 1,), tokens uint32 (m,), and the longer n-grams' ranges int64 (m, 2); those of
            range i are at offsets[i]:offsets[i + 1], in no order of use. The end of a passage is not a
            continuation.
        """
        with self._errors():
            return self._native.continuations(_ranges(ranges), self.threads)

    def probe(self, ranges: ArrayLike, tokens: ArrayLike) -> NDArray[np.int64]:
        """Ranges (n, k, 2) of each of n n-grams with each of its k tokens: (n, k), or (k,) for all alike."""
        pairs, asked = _ranges(ranges), _uint32(tokens)
        if asked.ndim == 2 and len(asked) != len(pairs):
            raise InvalidInput(f"{len(pairs)} ranges and {len(asked)} rows of tokens do not match.")
        if asked.ndim not in (1, 2):
            raise InvalidInput(f"Tokens of shape {asked.shape}; (k,) or (n, k) is needed.")
        with self._errors():
            return self._native.probe(pairs, asked.reshape(-1), asked.ndim == 1, self.threads).reshape(
                len(pairs), asked.shape[-1], 2
            )

    def find(self, offsets: ArrayLike, tokens: ArrayLike) -> NDArray[np.int64]:
        """Ranges (n, 2) of whole n-grams: n-gram i is tokens[offsets[i]:offsets[i + 1]], offsets (n + 1,)."""
        with self._errors():
            return self._native.find(_list(offsets, "offsets"), _tokens(tokens), self.threads)

    def locate(self, rows: ArrayLike, lengths: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the matches in single rows of ranges stand.

        Args:
            rows: shape (m,).
            lengths: tokens of the n-gram whose range each row is from, shape (m,).

        Returns:
            passages and first tokens, int64 (m,) both: a match covers [start, start + length) of its
            passage's tokens. Rows of the empty n-gram that belong to no passage give -1 and 0.

        Raises:
            InvalidInput: a row that is none, or without a match of that length.
        """
        with self._errors():
            return self._native.locate(_list(rows, "rows"), _list(lengths, "lengths"), self.threads)

    def extract(self, passages: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Tokens of passages (p,), in order: offsets int64 (p + 1,) and tokens uint32."""
        with self._errors():
            return self._native.extract(_list(passages, "passages"), self.threads)

    def allowed_top(
        self, log_probs: ArrayLike, ranges: ArrayLike, k: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The k likeliest continuations of each range among those that occur.

        Narrow ranges are listed; wide ones are asked for the likeliest tokens in falling order. Exact either
        way.

        Args:
            log_probs: float32 (n, V), the next token's; V may be larger than the alphabet.
            ranges: (n, 2).
            k: at least 1, below 2^31.

        Returns:
            tokens int32 (n, k), best first, the lower token where log-probs are equal, -1 where there are
            fewer; their ranges int64 (n, k, 2).
        """
        scores = np.asarray(log_probs)
        if scores.dtype != np.float32 or scores.ndim != 2:
            raise InvalidInput(
                f"Log-probs are {scores.dtype} of shape {scores.shape}; float32 (n, V) is needed."
            )
        if scores.shape[1] > 1 and scores.strides[1] != scores.itemsize:
            scores = np.ascontiguousarray(scores)
        if not 1 <= k < 2**31:
            raise InvalidInput(f"The best {k} continuations were asked for; at least 1, below 2^31.")
        with self._errors():
            return self._native.allowed_top(scores, _ranges(ranges), k, self.threads)

    def _errors(self) -> _named_errors:
        return _named_errors(self._source)


class _named_errors:  # noqa: N801  (a context manager; a class costs less a call than a generator)
    """Turns the native errors into ours."""

    __slots__ = ("_source",)

    def __init__(self, source: str) -> None:
        self._source = source

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        if isinstance(error, _native.DamagedSection):
            raise IndexCorrupt(
                f"The FM-index {self._source} is damaged: {error}.",
                hint="Build the index again.",
                details={"path": self._source},
            ) from error
        if isinstance(error, (ValueError, IndexError)):
            raise InvalidInput(f"{self._source}: {error}.") from error


def _ranges(values: ArrayLike) -> NDArray[np.int64]:
    array = _int64(values, "ranges")
    if array.ndim != 2 or array.shape[1] != 2:
        raise InvalidInput(f"Ranges of shape {array.shape}; (n, 2) is needed.")
    return array


def _list(values: ArrayLike, what: str) -> NDArray[np.int64]:
    return _flat(_int64(values, what), what)


def _tokens(values: ArrayLike) -> NDArray[np.uint32]:
    return _flat(_uint32(values), "tokens")


def _flat(array: NDArray[T], what: str) -> NDArray[T]:
    if array.ndim != 1:
        raise InvalidInput(f"The {what} have shape {array.shape}; one after another, (n,), is needed.")
    return array


def _int64(values: ArrayLike, what: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.dtype.kind not in "iu" and array.size > 0:
        raise InvalidInput(f"The {what} are {array.dtype}, not integers.")
    return np.ascontiguousarray(array, dtype=np.int64)


def _uint32(values: ArrayLike) -> NDArray[np.uint32]:
    array = np.asarray(values)
    if array.dtype != np.uint32 and array.size > 0:
        if array.dtype.kind not in "iu":
            raise InvalidInput(f"The tokens are {array.dtype}, not integers.")
        if array.min() < 0 or array.max() >= 2**32:
            raise InvalidInput("The tokens have a value that is negative or not below 2^32.")
    return np.ascontiguousarray(array, dtype=np.uint32)


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
