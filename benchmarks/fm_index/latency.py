"""What a read of memory costs: a walk along a random circle of cache lines."""

from __future__ import annotations

import time

import numpy as np

from skerry.kernels._native import follow

_STEPS = 400_000


def read_seconds(size_bytes: int, walks: int, repeats: int = 3) -> float:
    """Seconds a read of one line of a working set of `size_bytes`: dependent ones, `walks` of them side by
    side."""
    count = max(size_bytes // 64, 64)
    order = np.random.default_rng(0).permutation(count)
    lines = np.zeros((count, 8), dtype=np.uint64)
    lines[order, 0] = np.roll(order, -1)
    steps = _STEPS // walks
    follow(lines, min(count, _STEPS), 1)
    best = float("inf")
    for _ in range(repeats):
        start = time.thread_time()
        follow(lines, steps, walks)
        best = min(best, time.thread_time() - start)
    # Checking the links reads every line once, in order; what that takes is not the walk.
    start = time.thread_time()
    follow(lines, 0, walks)
    return max(best - (time.thread_time() - start), 0.0) / (steps * walks)
