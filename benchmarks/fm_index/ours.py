"""Skerry's FM-index, measured: seconds of processor time on one thread, the best of some repeats."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from skerry.benchmarks.fm_index.text import Text
from skerry.kernels.fm_index import FmIndex, build_image

BEAMS = 120
"""Ranges asked for in one call: as many as four queries of 15 beams in two passes have."""


@dataclass(slots=True)
class Measured:
    """One index's figures.

    Attributes:
        build_s: with the suffix sort.
        size: bytes, all of it.
        tree: bytes of the wavelet structure.
        samples: bytes of what locating needs besides.
        extend_s, continuations_s: of all n-grams, for each step.
        occurrences, items, followers: totals of each step, which must be the peer's.
        first_s: of the continuations of each step's different ranges, nothing kept from before; there are
            `first_items` of them.
        locate_s: of the rows asked for; `extract_s` of the passages, `extracted` tokens together.
    """

    build_s: float = 0.0
    size: int = 0
    tree: int = 0
    samples: int = 0
    extend_s: list[float] = field(default_factory=list)
    continuations_s: list[float] = field(default_factory=list)
    occurrences: list[int] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    followers: list[int] = field(default_factory=list)
    first_s: list[float] = field(default_factory=list)
    first_items: list[int] = field(default_factory=list)
    locate_s: float = 0.0
    extract_s: float = 0.0
    extracted: int = 0


def best_seconds(work: Callable[[], object], repeats: int) -> float:
    """Processor time of this process, the least of `repeats`."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def measure(
    text: Text,
    ngrams: NDArray[np.uint32],
    rows: NDArray[np.int64],
    passages: NDArray[np.int64],
    locate_every: int,
    repeats: int,
) -> tuple[Measured, FmIndex]:
    """Build the index, then ask for everything."""
    start = time.process_time()
    image = build_image(text.tokens, text.lengths, text.alphabet, locate_every=locate_every)
    build_s = time.process_time() - start
    index = FmIndex(image, threads=1)
    parts = index.sections
    result = Measured(
        build_s=build_s,
        size=index.size_bytes,
        tree=parts["levels"] + parts["leaves"],
        samples=parts["marks"] + parts["samples"],
    )
    ranges = np.repeat(index.everything(), len(ngrams), axis=0)
    for step in range(ngrams.shape[1]):
        tokens = np.ascontiguousarray(ngrams[:, step])
        result.extend_s.append(best_seconds(partial(_extend, index, ranges, tokens), repeats))
        ranges = index.extend(ranges, tokens)
        result.occurrences.append(int(index.count(ranges).sum()))
        result.continuations_s.append(best_seconds(partial(_list, index, ranges), repeats))
        _, found, longer = index.continuations(ranges)
        result.items.append(len(found))
        result.followers.append(int(index.count(longer).sum()))
        different = np.unique(ranges, axis=0)
        seconds, listed = _first(image, different, repeats)
        result.first_s.append(seconds)
        result.first_items.append(listed)
    result.locate_s = locating(index, rows, repeats)
    result.extract_s = best_seconds(partial(index.extract, passages), repeats)
    result.extracted = len(index.extract(passages)[1])
    return result, index


def _extend(index: FmIndex, ranges: NDArray[np.int64], tokens: NDArray[np.uint32]) -> None:
    for start in range(0, len(ranges), BEAMS):
        index.extend(ranges[start : start + BEAMS], tokens[start : start + BEAMS])


def _first(image: NDArray[np.uint8], ranges: NDArray[np.int64], repeats: int) -> tuple[float, int]:
    """Seconds to list the ranges by an index that has listed nothing before, and how much that is."""
    best = float("inf")
    for _ in range(repeats):
        fresh = FmIndex(image, threads=1)
        start = time.process_time()
        _list(fresh, ranges)
        best = min(best, time.process_time() - start)
    return best, sum(len(fresh.continuations(ranges[i : i + BEAMS])[1]) for i in range(0, len(ranges), BEAMS))


def _list(index: FmIndex, ranges: NDArray[np.int64]) -> None:
    for start in range(0, len(ranges), BEAMS):
        index.continuations(ranges[start : start + BEAMS])


def locating(index: FmIndex, rows: NDArray[np.int64], repeats: int) -> float:
    """Seconds to locate `rows`."""
    return best_seconds(partial(index.locate, rows, np.ones(len(rows), dtype=np.int64)), repeats)
