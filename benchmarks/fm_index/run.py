"""The whole measurement, and its report."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from skerry.benchmarks.fm_index.latency import read_seconds
from skerry.benchmarks.fm_index.ours import Measured, best_seconds, locating, measure
from skerry.benchmarks.fm_index.peer import measure_peer
from skerry.benchmarks.fm_index.text import Text, real_ngrams
from skerry.core.errors import BackendUnavailable
from skerry.kernels.fm_index import FmIndex

_DENSITIES = (1, 2, 4, 8, 16, 32)
_LOCATED = 15_000
_EXTRACTED = 1_500
_LARGE = 256 << 20


@dataclass(slots=True)
class Report:
    """Everything that was measured; see the fields of `Measured`.

    Attributes:
        text: tokens, passages, tokens of an n-gram and how many n-grams.
        ours, peer: figures; the peer's are None without it, and `without` says why.
        agree: whether the peer found the same occurrences and continuations.
        locate: by density: bytes of the whole index, and seconds for 15,000 rows.
        top_s: seconds a row of `allowed_top`, by kind of range.
        read_s: seconds a read of memory: dependent, and 16 side by side; in a working set as large as the
            index's levels, and in a large one.
        code_length: levels that a token passes, on average.
        width: bytes a symbol of the text that is sorted.
        memory: of a build in a process of its own.
    """

    text: dict[str, Any]
    locate_every: int
    ours: Measured
    peer: dict[str, Any] | None = None
    without: str = ""
    agree: bool | None = None
    locate: dict[int, dict[str, float]] = field(default_factory=dict)
    top_s: dict[str, float] = field(default_factory=dict)
    read_s: dict[str, float] = field(default_factory=dict)
    code_length: float = 0.0
    width: int = 2
    memory: dict[str, float] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "ratios": ratios(self)}


def run(
    text: Text,
    *,
    locate_every: int,
    queries: int,
    length: int,
    repeats: int,
    peer: bool,
    say: Callable[[str], None],
) -> Report:
    """Measure. `say` is told what goes on."""
    ngrams = real_ngrams(text, queries, length)
    rng = np.random.default_rng(2)
    first_row = len(text.lengths) + 2
    rows = rng.integers(first_row, len(text.tokens) + first_row, _LOCATED)
    passages = rng.integers(0, len(text.lengths), _EXTRACTED)
    say("building and asking Skerry's index")
    ours, index = measure(text, ngrams, rows, passages, locate_every, repeats)
    report = Report(
        text={
            "name": text.name,
            "tokens": len(text.tokens),
            "passages": len(text.lengths),
            "ngrams": queries,
            "length": length,
            "located": _LOCATED,
            "extracted": ours.extracted,
        },
        locate_every=locate_every,
        ours=ours,
    )
    report.code_length = index.sections["levels"] * 7 / index.rows
    symbols = len(np.unique(text.tokens)) + 2
    report.width = 1 if symbols <= 1 << 8 else 2 if symbols <= 1 << 16 else 3
    if peer:
        say("building and asking sdsl-lite's")
        try:
            report.peer = measure_peer(text, ngrams, rows, passages, locate_every, repeats)
            report.agree = all(
                report.peer[name] == getattr(ours, name)
                for name in ("occurrences", "items", "followers", "extracted")
            )
        except BackendUnavailable as error:
            report.without = str(error)
    say("locating at other densities")
    report.locate[locate_every] = {"bytes": index.size_bytes, "seconds": ours.locate_s}
    for density in _DENSITIES:
        if density != locate_every:
            other = FmIndex.build(text.tokens, text.lengths, text.alphabet, locate_every=density)
            other.threads = 1
            report.locate[density] = {"bytes": other.size_bytes, "seconds": locating(other, rows, repeats)}
            del other
    report.top_s = _top(index, ngrams, repeats)
    say("measuring the memory's latency")
    for name, size in (("index", index.sections["levels"]), ("large", _LARGE)):
        report.read_s[f"{name}_dependent"] = read_seconds(size, 1)
        report.read_s[f"{name}_together"] = read_seconds(size, 16)
    say("building once more in a process of its own, for its peak memory")
    report.memory = _memory(text, locate_every)
    return report


def ratios(report: Report) -> dict[str, float]:
    """How many times faster than the peer, and our size over its."""
    if report.peer is None:
        return {}
    ours, peer = report.ours, report.peer
    asked = sum(ours.extend_s) + sum(ours.continuations_s)
    return {
        "extend_and_continuations": (sum(peer["extend_s"]) + sum(peer["continuations_s"])) / asked,
        "extend_and_continuations_after_the_first": (
            (sum(peer["extend_s"][1:]) + sum(peer["continuations_s"][1:]))
            / (sum(ours.extend_s[1:]) + sum(ours.continuations_s[1:]))
        ),
        "extend": sum(peer["extend_s"][1:]) / sum(ours.extend_s[1:]),
        "continuations": sum(peer["continuations_s"]) / sum(ours.continuations_s),
        "build": peer["build_s"] / ours.build_s,
        "locate": peer["locate_s"] / ours.locate_s,
        "extract": peer["extract_s"] / ours.extract_s,
        "size": ours.size / peer["bytes"],
    }


def _top(index: FmIndex, ngrams: np.ndarray[Any, np.dtype[np.uint32]], repeats: int) -> dict[str, float]:
    """Seconds a row of `allowed_top` for 15 tokens, with scores as a language model's: peaked at what
    follows."""
    count = min(30, len(ngrams))
    rng = np.random.default_rng(3)
    scores = rng.normal(-12, 2, (count, index.alphabet)).astype(np.float32)
    everything = np.repeat(index.everything(), count, axis=0)
    kinds = {"root": everything, "beginnings": np.repeat(index.beginnings(), count, axis=0)}
    ranges = everything
    for step in range(min(3, ngrams.shape[1])):
        ranges = index.extend(ranges, ngrams[:count, step])
        kinds[f"{step + 1} tokens"] = ranges
    found = {}
    for name, asked in kinds.items():
        offsets, tokens, _ = index.continuations(asked)
        peaked = scores.copy()
        for i in range(count):
            here = tokens[offsets[i] : offsets[i + 1]]
            liked = here[rng.integers(0, max(len(here), 1), min(len(here), 100))]
            peaked[i, liked] += 8
        found[name] = best_seconds(lambda p=peaked, a=asked: index.allowed_top(p, a, 15), repeats) / count  # type: ignore[misc]
    return found


def _memory(text: Text, locate_every: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "tokens.npy", text.tokens)
        np.save(folder / "lengths.npy", text.lengths)
        (folder / "meta.json").write_text(json.dumps({"alphabet": text.alphabet}), encoding="utf-8")
        command = [sys.executable, "-m", "skerry.benchmarks.fm_index.build_once", name, str(locate_every)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BackendUnavailable(f"The build in its own process failed: {done.stderr.strip()[-500:]}")
        result: dict[str, float] = json.loads(done.stdout)
        return result
