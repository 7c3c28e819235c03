"""Titles like Wikipedia's, drawn: a character of a title stands for one piece of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

WIDTH = 14
"""Pieces of a title at most: an opening of 3, 8 of its own, 3 of a disambiguation."""
END = 1

_OWN = np.array([0.02, 0.18, 0.24, 0.20, 0.14, 0.09, 0.07, 0.06])
"""Shares of titles by their own pieces, 1 to 8: much as WordPiece cuts the titles of HotpotQA's pages."""
_FIRST_PIECE, _PIECES = 200, 30_000
_OPENINGS, _OPENED = 60, 0.05
_KINDS, _DISAMBIGUATED = 400, 0.15
_REPEATED = 0.01
_BLOCK = 1 << 19


def draw_titles(count: int, seed: int) -> NDArray[np.uint16]:
    """Pieces of `count` titles, uint16 (count, WIDTH), 0 after the last; one in a hundred repeats another."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(1, 1 << 63, WIDTH, dtype=np.uint64)
    openings = _pieces(rng, (_OPENINGS, 3))
    openings[::2, 2] = 0
    rows = np.empty((0, WIDTH), np.uint16)
    while len(rows) < count:
        drawn = [_draw(rng, min(_BLOCK, count), openings) for _ in range(-(-(count - len(rows)) // _BLOCK))]
        rows = np.concatenate([rows, *drawn])
        # Equal rows have equal hashes; that others have is too rare to matter.
        hashes = np.concatenate([rows[at : at + _BLOCK] @ factors for at in range(0, len(rows), _BLOCK)])
        _, first = np.unique(hashes, return_index=True)
        rows = rows[np.sort(first)]
    rows = rows[:count]
    repeats = np.flatnonzero(rng.random(count) < _REPEATED)
    rows[repeats] = rows[rng.integers(0, count, len(repeats))]
    return rows


def texts(rows: NDArray[np.uint16]) -> list[str]:
    """The titles of such rows."""
    characters: list[str] = rows.astype("<u4").view(f"<U{WIDTH}").ravel().tolist()
    return characters


def encode(titles: Sequence[str]) -> list[list[int]]:
    """The tokens of titles: a character is one."""
    return [list(map(ord, title)) for title in titles]


def _draw(rng: np.random.Generator, count: int, openings: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Titles that may repeat one another."""
    rows = np.zeros((count, WIDTH), np.uint16)
    opened = rng.random(count) < _OPENED
    rows[opened, :3] = openings[_zipf(rng, int(opened.sum()), _OPENINGS)]
    own = _pieces(rng, (count, len(_OWN)))
    own[np.arange(len(_OWN)) > rng.choice(len(_OWN), (count, 1), p=_OWN)] = 0
    rows[:, 3:11] = own
    kinds = np.flatnonzero(rng.random(count) < _DISAMBIGUATED)
    rows[kinds, 11], rows[kinds, 13] = ord("("), ord(")")
    rows[kinds, 12] = _FIRST_PIECE + 50 + _zipf(rng, len(kinds), _KINDS)
    # The gaps go to the end.
    return np.take_along_axis(rows, np.argsort(rows == 0, axis=1, kind="stable"), axis=1)


def _pieces(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.uint16]:
    drawn = _FIRST_PIECE + _zipf(rng, shape[0] * shape[1], _PIECES)
    return drawn.astype(np.uint16).reshape(shape)


def _zipf(rng: np.random.Generator, count: int, kinds: int) -> NDArray[np.int64]:
    """Numbers below `kinds` by the law of Zipf and Mandelbrot, int64 (count,)."""
    shares = np.cumsum(1 / (np.arange(kinds) + 2.7))
    drawn: NDArray[np.int64] = np.searchsorted(shares, rng.random(count) * shares[-1])
    return drawn
