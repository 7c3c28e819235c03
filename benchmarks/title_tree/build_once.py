"""One build in a process of its own, for its peak memory: `python -m skerry.benchmarks.title_tree.build_once
TITLES TREE`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skerry.benchmarks.memory import memory
from skerry.benchmarks.title_tree.titles import END, WIDTH, encode, texts
from skerry.retrieval.corpusbrain.naming import name_pages
from skerry.retrieval.corpusbrain.title_tree import build_tree

_ROWS = 1 << 14


def main(titles: Path, tree: Path) -> None:
    """Name the titles of a file of rows, build the tree, and print the figures as JSON."""
    before = memory().peak
    start = time.process_time()
    names = name_pages(_stream(titles), encode)
    named = time.process_time()
    names_peak = memory().peak
    build_tree(names, END, tree)
    print(
        json.dumps(
            {
                "tokens": len(names.tokens),
                "names_s": named - start,
                "build_s": time.process_time() - named,
                "before_bytes": before,
                "names_peak_bytes": names_peak,
                "peak_bytes": memory().peak,
            }
        )
    )


def _stream(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        while block := file.read(_ROWS * WIDTH * 2):
            yield from texts(np.frombuffer(block, np.uint16).reshape(-1, WIDTH))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
