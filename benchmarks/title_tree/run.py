"""The whole measurement."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skerry.benchmarks.title_tree.measure import Times, measure
from skerry.benchmarks.title_tree.peer import DictTree, memory_of
from skerry.benchmarks.title_tree.titles import END, draw_titles, encode, texts
from skerry.core.errors import BackendUnavailable
from skerry.retrieval.corpusbrain.naming import name_pages
from skerry.retrieval.corpusbrain.title_tree import TitleTree, build_tree

_SAMPLE = 200_000
_ASKED = 100_000


@dataclass(frozen=True, slots=True)
class Measured:
    """A tree's figures.

    Attributes:
        titles: how many it holds.
        size: bytes: of the file, or of the dicts in memory.
        build_s: seconds of processor time, from the names on.
        times: of its calls.
    """

    titles: int
    size: int
    build_s: float
    times: Times


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured.

    Attributes:
        seed: of the titles.
        nodes: of the whole tree.
        tokens: of all names.
        build: of the whole tree's own process: seconds of processor time, and peak memory in bytes.
        open_s: seconds to open it, every byte checked.
        whole, sample, peer: all titles; the first of them; these in the peer.
        agree: whether every title asked for led to a page of that title, in each tree.
    """

    seed: int
    nodes: int
    tokens: int
    build: dict[str, float]
    open_s: float
    whole: Measured
    sample: Measured
    peer: Measured
    agree: bool

    def json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def run(titles: int, seed: int, say: Callable[[str], None]) -> Report:
    """Measure on so many titles. `say` is told what goes on.

    Raises:
        BackendUnavailable: the build in its own process fails.
    """
    say("drawing titles")
    rows = draw_titles(titles, seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows.tofile(folder / "titles.u16")
        say("building the tree")
        build = _build_once(folder / "titles.u16", folder / "titles.tree")
        start = time.process_time()
        tree = TitleTree.open(folder / "titles.tree")
        open_s = time.process_time() - start
        say("asking it")
        times, agree = _ask(tree, rows, seed)
        size = (folder / "titles.tree").stat().st_size
        whole = Measured(titles, size, build["build_s"], times)
        say("building and asking the peer's, and ours of as many titles")
        first = rows[:_SAMPLE]
        sample, sample_agrees = _ours(first, folder / "sample.tree", seed)
        peer, peer_agrees = _theirs(first, seed)
    return Report(
        seed,
        tree.nodes,
        int(build["tokens"]),
        build,
        open_s,
        whole,
        sample,
        peer,
        agree and sample_agrees and peer_agrees,
    )


def _ours(rows: NDArray[np.uint16], path: Path, seed: int) -> tuple[Measured, bool]:
    names = name_pages(texts(rows), encode)
    start = time.process_time()
    build_tree(names, END, path)
    build_s = time.process_time() - start
    times, agree = _ask(TitleTree.open(path), rows, seed)
    return Measured(len(rows), path.stat().st_size, build_s, times), agree


def _theirs(rows: NDArray[np.uint16], seed: int) -> tuple[Measured, bool]:
    names = name_pages(texts(rows), encode)
    start = time.process_time()
    tree = DictTree(names)
    build_s = time.process_time() - start
    times, agree = _ask(tree, rows, seed)
    return Measured(len(rows), memory_of(names), build_s, times), agree


def _ask(tree: TitleTree | DictTree, rows: NDArray[np.uint16], seed: int) -> tuple[Times, bool]:
    """Figures on random titles of `rows`, and whether each led to a page of that title."""
    asked = np.random.default_rng(seed).permutation(len(rows))[:_ASKED]
    times, pages = measure(tree, encode(texts(rows[asked])), seed)
    return times, min(pages) >= 0 and bool((rows[pages] == rows[asked]).all())


def _build_once(titles: Path, tree: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "skerry.benchmarks.title_tree.build_once", str(titles), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackendUnavailable(f"The build in its own process failed: {done.stderr.strip()[-500:]}")
    result: dict[str, float] = json.loads(done.stdout)
    return result
