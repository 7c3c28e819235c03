"""sdsl-lite's compressed suffix array on its integer wavelet tree, compiled and measured where it is
installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skerry.benchmarks.fm_index.text import Text
from skerry.core.errors import BackendUnavailable

_SOURCE = Path(__file__).with_name("sdsl_peer.cpp")
_LIBRARIES = ("-lsdsl", "-ldivsufsort", "-ldivsufsort64")
_HINT = "Install it and a compiler (on Debian: apt install g++ libsdsl-dev), or leave it out with --no-peer."


def compile_peer(folder: Path, locate_every: int) -> Path:
    """The measuring program, for this machine's own processor. Raises `BackendUnavailable` without
    sdsl-lite."""
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        raise BackendUnavailable(
            "The peer, sdsl-lite, cannot be compiled: there is no C++ compiler.", hint=_HINT
        )
    program = folder / "sdsl_peer"
    command = [compiler, "-std=c++14", "-O3", "-march=native", "-DNDEBUG", f"-DLOCATE_EVERY={locate_every}"]
    done = subprocess.run(
        [*command, "-o", str(program), str(_SOURCE), *_LIBRARIES], capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if "error" in line), "the compiler failed")
        raise BackendUnavailable(f"The peer, sdsl-lite, cannot be compiled: {reason}.", hint=_HINT)
    return program


def measure_peer(
    text: Text,
    ngrams: NDArray[np.uint32],
    rows: NDArray[np.int64],
    passages: NDArray[np.int64],
    locate_every: int,
    repeats: int,
) -> dict[str, Any]:
    """Its figures on the reversed text that our index holds; tokens are renumbered without gaps, as ours
    are."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = compile_peer(folder, locate_every)
        used, dense = np.unique(text.tokens, return_inverse=True)
        ends = np.cumsum(text.lengths + 1)
        symbols = np.ones(len(text.tokens) + len(text.lengths) + 1, dtype=np.uint32)
        places = np.ones(len(symbols), dtype=bool)
        places[np.append(ends - text.lengths - 1, ends[-1] if len(ends) else 0)] = False
        # Token j of a passage of n stands n - j places after its mark.
        starts = np.repeat(ends - text.lengths - 1, text.lengths)
        within = np.arange(len(text.tokens)) - np.repeat(np.cumsum(text.lengths) - text.lengths, text.lengths)
        symbols[starts + np.repeat(text.lengths, text.lengths) - within] = dense + 2
        symbols.astype("<u4").tofile(folder / "text.u32")
        asked = np.searchsorted(used, ngrams).astype("<u4") + 2
        np.concatenate([[ngrams.shape[1]], asked.reshape(-1)]).astype("<u4").tofile(folder / "ngrams.u32")
        rows.astype("<u8").tofile(folder / "rows.u64")
        first = (ends - text.lengths)[passages]
        spans = np.stack([first, first + text.lengths[passages]], axis=1)
        spans.astype("<u8").tofile(folder / "spans.u64")
        done = subprocess.run([str(program), name, str(repeats)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise BackendUnavailable(
                f"The peer, sdsl-lite, failed: {done.stderr.strip() or done.returncode}."
            )
        result: dict[str, Any] = json.loads(done.stdout)
        return result
