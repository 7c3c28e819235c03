"""Kills builds at the fail points of publication; after each, the old or the new index must open and answer.

    python tests/acceptance/kill_publish.py --kills 200

Every round publishes another corpus into the same folder, dies at one of the points, opens what is there with
every checksum read, asks it a question, and then lets the same build run to its end: the new one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from synthetic import write_kilt

from skerry.core.deadline import Deadline
from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.index.build import BuildSpec, run_build
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.index.publish import POINTS
from skerry.retrieval.index.reader import Index


def main() -> None:
    """Run as many kills as asked for; the exit status is 1 at the first that loses an index."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--work", type=Path, help="a folder to work in; a temporary one by default")
    parser.add_argument("--build", nargs=2, type=Path, metavar=("CORPUS", "OUT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.build:
        build(*arguments.build)
    elif arguments.work:
        kill(arguments.kills, arguments.work)
    else:
        with tempfile.TemporaryDirectory() as folder:
            kill(arguments.kills, Path(folder))


def kill(kills: int, work: Path) -> None:
    """Make an index under `work` and kill its next `kills` publications."""
    work.mkdir(parents=True, exist_ok=True)
    out = work / "index"
    corpora = (write_kilt(work / f"corpus-{round_}.jsonl", 3, seed=round_) for round_ in range(kills + 2))
    # Two versions first, so that every round's publication has one to prune.
    for _ in range(2):
        build(next(corpora), out)
    old = result_hash(out)
    outcomes: Counter[str] = Counter()
    start = time.monotonic()
    for round_, corpus in enumerate(corpora):
        point = POINTS[round_ % len(POINTS)]
        status = child(corpus, out, point)
        if status != -9:
            raise SystemExit(f"round {round_}: not killed at {point} but ended with status {status}")
        found = result_hash(out)
        build(corpus, out)
        new = result_hash(out)
        if new == old or found not in (old, new):
            raise SystemExit(f"round {round_}: after {point} found {found}, neither {old} nor {new}")
        outcomes["old" if found == old else "new"] += 1
        old = new
    left = sorted(path.name for path in out.iterdir())
    if left != [".build.lock", "CURRENT", "versions"] or len(list((out / "versions").iterdir())) != 2:
        raise SystemExit(f"litter: {left}, {sorted((out / 'versions').iterdir())}")
    print(
        f"{kills} kills at {min(kills, len(POINTS))} points in {time.monotonic() - start:.0f} s: "
        f"{outcomes['old']} times the old index, {outcomes['new']} times the new, 0 times neither"
    )


def child(corpus: Path, out: Path, point: str) -> int:
    """Build in a process of its own, which dies at `point`; its exit status."""
    return subprocess.run(
        [sys.executable, __file__, "--build", str(corpus), str(out)],
        env={**os.environ, "SKERRY_FAILPOINT": point},
        check=False,
    ).returncode


def build(corpus: Path, out: Path) -> None:
    """Build and publish in this process."""
    run_build(
        BuildSpec(corpus, "kilt", legs=("bm25",)),
        out,
        engine=SerialEngine(),
        models=ModelStore(),
        progress=SilentProgress(),
    )


def result_hash(out: Path) -> str:
    """The hash of the index in use, which must be whole and find its first passage."""
    with Index.open(out, verify="full") as index:
        (found,) = index.retriever("bm25").retrieve([index.passages[0].text[:200]], 3, {}, Deadline())
        if found.ordinals[0] != 0:
            raise SystemExit(f"the index {index.version} does not find its first passage")
        return index.manifest.result_hash


if __name__ == "__main__":
    main()
