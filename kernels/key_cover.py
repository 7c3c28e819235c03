"""Scores of passages by the keys (token n-grams) that stand in them, each key's places taken greedily.

Keys come best first, with weights that fall. In a passage a key is taken once, at its first place no token of
which a key taken before it covers. It adds its weight, discounted by the share of its distinct tokens that
keys taken before it in this passage have already:

    weight * (1 - b + b * |distinct tokens not yet taken| / |distinct tokens|)

This is the key weighting of SEAL (Bevilacqua et al. 2022), without knowing what keys and passages are. The
loops run in native code without the GIL; `kernels/reference/key_cover.py` is the slow version.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skerry.kernels import _native

__all__ = ["Covered", "RankedKeys", "Singles", "cover_located", "cover_passages"]


@dataclass(frozen=True, slots=True)
class RankedKeys:
    """Keys, best first.

    Attributes:
        offsets: key i is tokens[offsets[i]:offsets[i + 1]], at least one token; int64 of shape (n + 1,).
        tokens: uint32 of shape (offsets[-1],).
        weights: finite, at least 0, falling; float64 of shape (n,).
        anchored: the key counts only where a passage starts with it; bool of shape (n,). `cover_located` does
            not look at it.
    """

    offsets: NDArray[np.int64]
    tokens: NDArray[np.uint32]
    weights: NDArray[np.float64]
    anchored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.weights)


@dataclass(frozen=True, slots=True)
class Singles:
    """Tokens that add to a passage's score by themselves, each once.

    Attributes:
        tokens: uint32 of shape (n,), each once.
        weights: finite, at least 0; float64 of shape (n,).
    """

    tokens: NDArray[np.uint32]
    weights: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Covered:
    """Scores of passages and, where asked for, what they are made of.

    Attributes:
        scores: float64 of shape (p,).
        offsets: passage i's part of the arrays below is [offsets[i], offsets[i + 1]); int64 of shape
            (p + 1,), or (1,) where it was not asked for.
        keys: which key was taken, -1 for a single token; int64 of shape (m,). Keys in their order, then
            single tokens in the passage's.
        starts: the token of the passage at which it starts; int64 of shape (m,).
        contributions: what it added; float64 of shape (m,).
    """

    scores: NDArray[np.float64]
    offsets: NDArray[np.int64]
    keys: NDArray[np.int64]
    starts: NDArray[np.int64]
    contributions: NDArray[np.float64]


def cover_located(
    ranked: RankedKeys,
    b: float,
    keys: NDArray[np.int64],
    passages: NDArray[np.int64],
    starts: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Score the passages in which an index found keys.

    Args:
        ranked: the keys.
        b: the discount of tokens taken before, in [0, 1].
        keys, passages, starts: key keys[i] stands in passage passages[i] from its token starts[i] on; each
            int64 of shape (m,), in any order.

    Returns:
        The passages named, ascending, each once, int64 of shape (p,); their scores, float64 of shape (p,).

    Raises:
        ValueError: weights that rise, are negative or not finite; an empty key; a row that cannot be.
    """
    return _native.cover_located(
        _ints(ranked.offsets),
        _tokens(ranked.tokens),
        _floats(ranked.weights),
        b,
        _ints(keys),
        _ints(passages),
        _ints(starts),
    )


def cover_passages(
    ranked: RankedKeys,
    singles: Singles,
    vocabulary: int,
    b: float,
    offsets: NDArray[np.int64],
    tokens: NDArray[np.uint32],
    *,
    matches: bool = False,
) -> Covered:
    """Score whole passages: find every key in them, take keys, then add single tokens at places left over.

    A single token counts once a passage, where no taken key covers it, and is discounted by `b` where a taken
    key has it.

    Args:
        ranked: the keys, each sequence of tokens once.
        singles: the single tokens.
        vocabulary: tokens of keys and singles are below it; passages' tokens from it on match nothing.
        b: the discount of tokens taken before, in [0, 1].
        offsets: passage i is tokens[offsets[i]:offsets[i + 1]]; int64 of shape (p + 1,).
        tokens: uint32 of shape (offsets[-1],).
        matches: also say what the scores are made of.

    Raises:
        ValueError: as `cover_located`; a key given twice; a token outside of the vocabulary.
    """
    return Covered(
        *_native.cover_passages(
            _ints(ranked.offsets),
            _tokens(ranked.tokens),
            _floats(ranked.weights),
            np.ascontiguousarray(ranked.anchored, np.bool_),
            _tokens(singles.tokens),
            _floats(singles.weights),
            vocabulary,
            b,
            _ints(offsets),
            _tokens(tokens),
            matches,
        )
    )


def _ints(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.ascontiguousarray(values, np.int64)


def _tokens(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    return np.ascontiguousarray(values, np.uint32)


def _floats(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ascontiguousarray(values, np.float64)
