"""The stages of a build: passages, then each leg. A shard is a finished piece, and so is a stage's result."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.core.failpoints import failpoint
from skerry.core.progress import Progress, Task
from skerry.retrieval.corpus.readers import CorpusReader
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.index.disk import disk_errors
from skerry.retrieval.index.engine import Engine
from skerry.retrieval.index.leg import Workshop
from skerry.retrieval.index.shards import (
    LegTask,
    PassageTask,
    ShardDone,
    batches,
    build_leg_shard,
    build_passages,
    peak_memory,
)
from skerry.retrieval.index.spec import LegPlan, Plan
from skerry.retrieval.index.work import Finished, finished, finishing, piece_data, sweep

_WHOLE = "whole"
_SHARDS = "shards"
_WORK = "work"
T = TypeVar("T")


@dataclass(slots=True)
class Bench:
    """Where a build works, what it works with, and what it counts by stage as it goes.

    Attributes:
        index: the index folder.
        peak_memory: bytes; see `BuildFacts`.
    """

    index: Path
    engine: Engine
    progress: Progress
    deadline: Deadline
    seconds: dict[str, float] = field(default_factory=dict)
    built: dict[str, int] = field(default_factory=dict)
    reused: dict[str, int] = field(default_factory=dict)
    peak_memory: int = 0

    def run(self, stage: str, function: Callable[[T], ShardDone], tasks: Iterable[T], task: Task) -> None:
        """Have the workers do `tasks`, counting passages on `task`."""
        workers: dict[str, int] = {}
        results = self.engine.map(function, tasks, self.deadline)
        try:
            for done in results:
                task.advance(done.passages)
                workers[done.process] = done.peak_memory
                self.built[stage] = self.built.get(stage, 0) + 1
        finally:
            results.close()
            self.note_memory(sum(workers.values()))

    def workshop(self, work: Path) -> Workshop:
        """What a leg is assembled with, in this process, which has the workers' processors to itself."""
        work.mkdir(exist_ok=True)
        threads = self.engine.workers * self.engine.threads
        return Workshop(self.index, work, threads, self.progress, self.deadline)

    def note_memory(self, workers: int = 0) -> None:
        """Count this process and `workers` bytes beside it."""
        self.peak_memory = max(self.peak_memory, peak_memory() + workers)


def passages_stage(reader: CorpusReader, plan: Plan, folder: Path, bench: Bench) -> Finished:
    """The whole passage store of the plan, made or found finished in `folder`."""
    whole = finished(folder / _WHOLE)
    if whole is not None:
        return whole
    start = time.monotonic()
    shards = _prepare(folder)
    numbers = 0
    pages = 0

    def tasks(task: Task) -> Iterator[PassageTask]:
        nonlocal numbers, pages
        for batch in batches(iter(reader), plan.spec.shard_passages * plan.spec.chunking.words):
            target = shards / f"{numbers:08d}"
            numbers += 1
            pages += len(batch)
            done = finished(target)
            if done is None:
                _discard(target)
                yield PassageTask(batch, plan.spec.chunking, target)
            else:
                bench.reused["passages"] = bench.reused.get("passages", 0) + 1
                task.advance(done.facts["passages"])

    with bench.progress.task("passages", unit="passages") as task:
        bench.run("passages", build_passages, tasks(task), task)
    parts = [piece_data(shards / f"{number:08d}") for number in range(numbers)]
    facts: dict[str, Any] = {}
    with disk_errors(folder), finishing(folder / _WHOLE, facts) as data:
        PassageStore.concatenate(parts, data)
        store = PassageStore.open(data)
        if len(store) == 0:
            raise InvalidInput(
                f"The corpus {plan.spec.corpus} has no text: {pages} pages, no passages.",
                hint="Is this the right file, and the right --format?",
                details={"corpus": str(plan.spec.corpus)},
            )
        facts.update(pages=pages, passages=len(store), digest=store.digest(), skipped=dict(reader.skipped))
    return _finish(folder, "passages", start, bench)


def leg_stage(leg: LegPlan, passages: Finished, shard_passages: int, folder: Path, bench: Bench) -> Finished:
    """One leg's files over all passages, made or found finished in `folder`."""
    whole = finished(folder / _WHOLE)
    if whole is not None:
        return whole
    start = time.monotonic()
    shards = _prepare(folder)
    count = int(passages.facts["passages"])
    ranges = [(low, min(low + shard_passages, count)) for low in range(0, count, shard_passages)]
    targets = [shards / f"{number:08d}" for number in range(len(ranges))]

    def tasks(task: Task) -> Iterator[LegTask]:
        for (low, high), target in zip(ranges, targets, strict=True):
            if finished(target) is None:
                _discard(target)
                yield LegTask(
                    leg.name, leg.settings, leg.model, passages.data, low, high, bench.engine.threads, target
                )
            else:
                bench.reused[leg.name] = bench.reused.get(leg.name, 0) + 1
                task.advance(high - low)

    with bench.progress.task(f"{leg.name} shards", total=count, unit="passages") as task:
        bench.run(leg.name, build_leg_shard, tasks(task), task)
    bench.deadline.check(f"building the leg {leg.name}")
    failpoint("stage.assemble")
    facts: dict[str, Any] = {}
    with disk_errors(folder), finishing(folder / _WHOLE, facts) as data:
        built = leg.leg.assemble(
            PassageStore.open(passages.data),
            [piece_data(target) for target in targets],
            data,
            leg.model,
            bench.workshop(folder / _WORK),
        )
        facts.update(parameters=dict(built.parameters), digest=built.digest)
    return _finish(folder, leg.name, start, bench)


def stage_target(folder: Path) -> Path:
    """The piece in which the stage in `folder` leaves its result."""
    return folder / _WHOLE


def _prepare(folder: Path) -> Path:
    shards = folder / _SHARDS
    with disk_errors(folder):
        shards.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    sweep(shards)
    _discard(folder / _WHOLE)
    return shards


def _finish(folder: Path, stage: str, start: float, bench: Bench) -> Finished:
    failpoint("stage.finished")
    shutil.rmtree(folder / _SHARDS)
    shutil.rmtree(folder / _WORK, ignore_errors=True)
    bench.note_memory()
    bench.seconds[stage] = time.monotonic() - start
    whole = finished(folder / _WHOLE, full=False)
    if whole is None:
        raise AssertionError(f"{folder / _WHOLE} was finished a moment ago")
    return whole


def _discard(target: Path) -> None:
    """Remove a piece that is there but not as it was written."""
    if target.exists():
        shutil.rmtree(target)
