"""Keys taken greedily, by sets and slices: the oracle of the native key cover."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from skerry.kernels.key_cover import Covered, RankedKeys, Singles


def cover(key: Sequence[int], taken: set[int], b: float) -> float:
    """The share of a key's weight that counts when the tokens `taken` have counted before."""
    distinct = set(key)
    return 1 - b + b * len(distinct - taken) / len(distinct)


def cover_located(
    ranked: RankedKeys,
    b: float,
    keys: NDArray[np.int64],
    passages: NDArray[np.int64],
    starts: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """As `skerry.kernels.key_cover.cover_located`."""
    found = np.unique(passages)
    scores = []
    for passage in found:
        here = [(int(k), int(s)) for k, p, s in zip(keys, passages, starts, strict=True) if p == passage]
        scores.append(sum(worth for _, _, worth in _take(ranked, b, here, set(), set())))
    return found, np.array(scores, np.float64)


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
    """As `skerry.kernels.key_cover.cover_passages`; the vocabulary does not matter to it."""
    weight = dict(zip(singles.tokens.tolist(), singles.weights.tolist(), strict=True))
    scores, ends, taken = [], [0], []
    for i in range(len(offsets) - 1):
        passage = tokens[offsets[i] : offsets[i + 1]].tolist()
        places = [
            (key, start)
            for key in range(len(ranked))
            for start in range(1 if ranked.anchored[key] else len(passage))
            if passage[start : start + len(_key(ranked, key))] == _key(ranked, key)
        ]
        covered: set[int] = set()
        types: set[int] = set()
        here = list(_take(ranked, b, places, covered, types))
        counted: set[int] = set()
        for at, token in enumerate(passage):
            if at not in covered and token not in counted and weight.get(token, 0) > 0:
                counted.add(token)
                here.append((-1, at, weight[token] * cover([token], types, b)))
        scores.append(sum(worth for _, _, worth in here))
        if matches:
            taken += here
            ends.append(len(taken))
    return Covered(
        np.array(scores, np.float64),
        np.array(ends, np.int64),
        np.array([key for key, _, _ in taken], np.int64),
        np.array([start for _, start, _ in taken], np.int64),
        np.array([worth for _, _, worth in taken], np.float64),
    )


def _take(
    ranked: RankedKeys, b: float, places: list[tuple[int, int]], covered: set[int], types: set[int]
) -> Iterable[tuple[int, int, float]]:
    """Take keys at (key, start), filling `covered` with their places and `types` with their tokens."""
    taken: set[int] = set()
    for key, start in sorted(places):
        own = _key(ranked, key)
        span = set(range(start, start + len(own)))
        if key in taken or span & covered:
            continue
        yield key, start, float(ranked.weights[key]) * cover(own, types, b)
        taken.add(key)
        covered |= span
        types |= set(own)


def _key(ranked: RankedKeys, key: int) -> list[int]:
    return ranked.tokens[ranked.offsets[key] : ranked.offsets[key + 1]].tolist()  # type: ignore[no-any-return]
