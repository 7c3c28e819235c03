"""The measurements beside what they are to reach, for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from skerry.benchmarks.seal.speed import BeamsSpeed, SealSpeed
from skerry.benchmarks.seal.throughput import TOGETHER

if TYPE_CHECKING:
    from rich.table import Table

LATENCY = {5: 0.4, 15: 1.0}
"""Beams -> seconds a question, on two cores."""
INDEX_SHARE = 0.10
RATIO = 2.0
MEMORY = 1.5 * 2**30
OPENING = 0.05

Cell = Callable[[int, BeamsSpeed], str]


def tables(speed: SealSpeed) -> Iterator[Table]:
    """One of what depends on the beams, and one of the rest."""
    from rich import box
    from rich.table import Table

    by_beams = Table(
        title=f"SEAL: {speed.model}, adapter {speed.adapter}, {speed.tokens:,} tokens, {speed.questions} "
        f"questions, {speed.processors} processors",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    by_beams.add_column("a question")
    for beams in speed.by_beams:
        by_beams.add_column(f"{beams} beams", justify="right")
    by_beams.add_column("target")
    for name, cell, target in _ROWS:
        cells = (cell(beams, measured) for beams, measured in speed.by_beams.items())
        by_beams.add_row(name, *cells, target)
    yield by_beams

    rest = Table(box=box.SIMPLE_HEAD)
    rest.add_column("served")
    rest.add_column("", justify="right")
    rest.add_column("target")
    memory = speed.memory
    rest.add_row(
        "memory, resident", f"{_gib(memory.resident)} {_mark(memory.resident <= MEMORY)}", "at most 1.5 GiB"
    )
    rest.add_row("memory, no file's", _gib(memory.private), "")
    rest.add_row(
        "memory, peak (loading)", f"{_gib(memory.peak)} {_mark(memory.peak <= MEMORY)}", "at most 1.5 GiB"
    )
    rest.add_row("FM-index, file", f"{speed.index_bytes / 2**20:.1f} MiB", "")
    rest.add_row(
        "FM-index, opened",
        f"{_ms(speed.open_seconds)} {_mark(speed.open_seconds <= OPENING)}",
        "at most 50 ms",
    )
    rest.add_row("language model, loaded", f"{speed.load_seconds:.2f} s", "")
    rest.add_row("first question", f"{speed.first_seconds:.2f} s", "")
    yield rest


def _latency(beams: int, speed: BeamsSpeed) -> str:
    median = speed.latency.median
    shown = f"{median:.3f} s"
    return f"{shown} {_mark(median <= LATENCY[beams])}" if beams in LATENCY else shown


def _index(_: int, speed: BeamsSpeed) -> str:
    seconds = speed.work.seconds
    return f"{_part(seconds.index, seconds.total)} {_mark(seconds.index <= INDEX_SHARE * seconds.total)}"


def _ratio(_: int, speed: BeamsSpeed) -> str:
    ratio = speed.throughput.ratio
    return f"{ratio:.2f}x {_mark(ratio >= RATIO)}"


def _share(name: str) -> Cell:
    def cell(_: int, speed: BeamsSpeed) -> str:
        return _part(getattr(speed.work.seconds, name), speed.work.seconds.total)

    return cell


_ROWS: tuple[tuple[str, Cell, str], ...] = (
    ("latency, median", _latency, "0.4 s at 5 beams, 1.0 s at 15"),
    ("latency, p90", lambda _, speed: f"{speed.latency.p90:.3f} s", ""),
    ("latency, mean", lambda _, speed: f"{speed.latency.mean:.3f} s", ""),
    ("processors' time, mean", lambda _, speed: f"{speed.latency.processors:.3f} s", ""),
    ("profile, all parts", lambda _, speed: _ms(speed.work.seconds.total), ""),
    ("  language model", _share("lm"), ""),
    ("  FM-index", _index, "at most 10%"),
    ("    decoding", _share("decoding_index"), ""),
    ("    scoring: locate, extract", _share("scoring_index"), ""),
    ("  scoring: weights, cover", _share("scoring"), ""),
    ("  evidence", _share("evidence"), ""),
    ("  other", _share("other"), ""),
    ("keys", lambda _, speed: f"{speed.work.keys:.0f}", ""),
    ("model, calls", lambda _, speed: f"{speed.work.calls:.1f}", ""),
    ("model, rows a call", lambda _, speed: f"{speed.work.rows:.1f}", ""),
    ("model, time a call", lambda _, speed: _ms(speed.work.call_seconds), ""),
    ("one at a time", lambda _, speed: f"{speed.throughput.alone:.2f}/s", ""),
    (f"{TOGETHER} together", lambda _, speed: f"{speed.throughput.together:.2f}/s", ""),
    ("together against one at a time", _ratio, "at least 2x"),
)


def _part(seconds: float, total: float) -> str:
    return f"{_ms(seconds)} {seconds / total:6.1%}"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms"


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f} GiB"


def _mark(reached: bool) -> str:
    return "reached" if reached else "not reached"
