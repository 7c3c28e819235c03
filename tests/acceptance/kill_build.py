"""Kills builds at random moments and runs them again: the result must be that of a build that was left alone.

    python tests/acceptance/kill_build.py --kills 10
    python tests/acceptance/kill_build.py --kills 10 --corpus knowledge_source.jsonl.gz --legs bm25,dense

At every kill no more shards may be under way than there are workers, and every shard that was finished at one
kill must still be the same folder at the next: what a kill costs is at most one shard a worker.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from synthetic import write_kilt


def main() -> None:
    """Run as many kills as asked for; the exit status is 1 when anything is not as it must be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--corpus", type=Path, help="a KILT knowledge source; a made-up one by default")
    parser.add_argument("--pages", type=int, default=3000, help="pages of the made-up corpus")
    parser.add_argument("--legs", default="bm25")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reference", help="the result hash to compare with, instead of a build of it")
    parser.add_argument("--seconds", type=float, help="how long a build takes; measured with the reference")
    parser.add_argument("--work", type=Path, help="a folder to work in; a temporary one by default")
    arguments = parser.parse_args()
    if arguments.work:
        run(arguments, arguments.work)
    else:
        with tempfile.TemporaryDirectory() as folder:
            run(arguments, Path(folder))


def run(arguments: argparse.Namespace, work: Path) -> None:
    """Build once without a kill, then again and again with kills."""
    work.mkdir(parents=True, exist_ok=True)
    corpus = arguments.corpus or write_kilt(work / "corpus.jsonl", arguments.pages)
    command = [
        *(sys.executable, "-m", "skerry", "index", "build", "--corpus", str(corpus), "--format", "kilt"),
        *("--legs", arguments.legs, "--workers", str(arguments.workers), "--quiet", "--json", "--out"),
    ]
    expected, seconds = arguments.reference, arguments.seconds
    if not (expected and seconds):
        start = time.monotonic()
        expected = finish([*command, str(work / "reference")])["result_hash"]
        seconds = time.monotonic() - start
        print(f"undisturbed: {expected} in {seconds:.1f} s", flush=True)
    source = random.Random(arguments.seed)
    killed, folders, begun = 0, 0, time.monotonic()
    while killed < arguments.kills:
        out = work / f"killed-{folders}"
        folders += 1
        finished: dict[Path, int] = {}
        longest = max(0.5, min(seconds, 3 * seconds / arguments.kills))
        while killed < arguments.kills:
            delay = source.uniform(0.2, longest)
            if not kill_after([*command, str(out)], delay, whole_group=source.random() < 0.5):
                break
            killed += 1
            finished = check(out, finished, arguments.workers)
            print(
                f"kill {killed} after {delay:.2f} s: {len(finished)} shards and stages done",
                flush=True,
            )
        result = finish([*command, str(out)])
        if result["result_hash"] != expected:
            raise SystemExit(f"{out}: {result['result_hash']} instead of {expected}")
    print(
        f"{killed} kills of {folders} builds in {time.monotonic() - begun:.0f} s: "
        f"every one ended with the same result hash {expected}"
    )


def kill_after(command: list[str], delay: float, *, whole_group: bool) -> bool:
    """Start a build and kill it, alone or with its workers, after `delay` seconds; False if it ended."""
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            if whole_group:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
            process.wait()
            wait_for_workers(process.pid)
            return True
        if process.returncode != 0:
            assert process.stderr
            raise SystemExit(f"the build failed: {process.stderr.read()}")
        return False


def wait_for_workers(group: int) -> None:
    """Wait until the last process of the group has gone: workers must notice that they are alone."""
    for _ in range(600):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise SystemExit("a worker outlived its build by 30 seconds")


def check(out: Path, before: dict[Path, int], workers: int) -> dict[Path, int]:
    """The finished pieces now, by inode, after comparing with those at the kill before."""
    now = {
        path.parent: path.parent.stat().st_ino
        for pattern in ("build/*/shards/[0-9]*/done.json", "build/*/whole/done.json")
        for path in out.glob(pattern)
    }
    published = (out / "CURRENT").exists()
    for piece, inode in before.items():
        stage_done = piece.parents[1 if piece.parent.name == "shards" else 0] / "whole" in now
        if now.get(piece) != inode and not stage_done and not published:
            raise SystemExit(f"{piece} was finished before the kill and has been made again")
    under_way = list(out.glob("build/*/shards/.part-*"))
    if len(under_way) > workers:
        raise SystemExit(f"{len(under_way)} shards were under way with {workers} workers")
    return now


def finish(command: list[str]) -> dict[str, str]:
    """Let a build run to its end; what it says."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the build failed: {done.stderr}")
    result: dict[str, str] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    main()
