"""One build in a process of its own, for its peak memory: `python -m skerry.benchmarks.fm_index.build_once
FOLDER`."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from skerry.benchmarks.memory import memory
from skerry.kernels.fm_index import build_image
from skerry.retrieval.seal import fm_index


def main(folder: Path, locate_every: int) -> None:
    """Build from the arrays in `folder`, as an index build does, open the file, and print the figures as
    JSON."""
    import pydivsufsort  # noqa: F401 - its import is not the build's

    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    tokens = np.load(folder / "tokens.npy")
    lengths = np.load(folder / "lengths.npy")
    before = _peak()
    wall, cpu = time.perf_counter(), time.process_time()
    image = build_image(tokens, lengths, meta["alphabet"], locate_every=locate_every)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = _peak()
    path = folder / "index.fm"
    image.tofile(path)
    opening = time.perf_counter()
    index = fm_index.open(path)
    opened = time.perf_counter() - opening
    print(
        json.dumps(
            {
                "tokens": index.tokens,
                "bytes": index.size_bytes,
                "wall_s": wall,
                "cpu_s": cpu,
                "before_bytes": before,
                "peak_bytes": peak,
                "open_s": opened,
            }
        )
    )


def _peak() -> int:
    """The most memory that this process has had resident, in bytes."""
    if Path("/proc/self/status").exists():
        return memory().peak
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
