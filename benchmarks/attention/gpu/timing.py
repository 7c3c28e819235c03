"""Times on a card, the time that a run has, and tables that are printed row by row."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from torch import cuda

Row = dict[str, Any]

_WORTH = 0.12
"""Seconds that one measurement may take, once it is warm."""


class Clock:
    """How much of a run's time is left, and what was left out for want of it."""

    def __init__(self, seconds: float) -> None:
        self.skipped: list[str] = []
        self._seconds = seconds
        self._began = time.monotonic()

    def passed(self) -> float:
        return time.monotonic() - self._began

    def allows(self, share: float, what: str) -> bool:
        """Whether less than `share` of the time has passed; notes down `what` otherwise."""
        if self.passed() < share * self._seconds:
            return True
        self.skipped.append(f"{what}: no time")
        return False


class Table:
    """Rows, each printed as it comes: the columns named here, numbers in their format."""

    def __init__(self, **formats: str) -> None:
        self.rows: list[Row] = []
        self._formats = formats
        print("  ".join(f"{name:>{self._wide(name)}}" for name in formats))

    def add(self, row: Row) -> None:
        self.rows.append(row)
        shown = {name: str(value) if isinstance(value, bool) else value for name, value in row.items()}
        cells = (f"{shown[name]:>{self._wide(name)}{of}}" for name, of in self._formats.items())
        print("  ".join(cells), flush=True)

    def _wide(self, name: str) -> int:
        return 17 if name in ("shape", "heads") else max(8, len(name))


def median_ms(call: Callable[[], object]) -> float:
    """Milliseconds of one call, after two that are not counted."""
    call()
    cuda.synchronize()
    began = time.perf_counter()
    call()
    cuda.synchronize()
    once = time.perf_counter() - began
    times: list[float] = []
    for _ in range(max(3, min(30, int(_WORTH / max(once, 1e-6))))):
        first: Any = cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        last: Any = cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        first.record()
        call()
        last.record()
        last.synchronize()
        times.append(first.elapsed_time(last))
    return statistics.median(times)


def graph_ms(call: Callable[[], object], calls: int = 20) -> float:
    """Milliseconds of one call, many of which are one CUDA graph: what the card needs, without launches."""
    side = cuda.Stream()  # type: ignore[no-untyped-call]
    with cuda.stream(side):
        call()
    side.synchronize()
    graph = cuda.CUDAGraph()
    with cuda.graph(graph):
        for _ in range(calls):
            call()
    return median_ms(graph.replay) / calls
