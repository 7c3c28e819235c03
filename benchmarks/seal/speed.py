"""Speed and memory of an index's SEAL leg."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from skerry.benchmarks.memory import Memory, memory
from skerry.benchmarks.seal.latency import Latency, ask, latency
from skerry.benchmarks.seal.parts import LEG, adapter_of, open_parts
from skerry.benchmarks.seal.profile import Work, profile
from skerry.benchmarks.seal.throughput import Throughput, rounds_of, throughput
from skerry.core.progress import Progress
from skerry.retrieval.index.reader import Index
from skerry.retrieval.seal import fm_index
from skerry.retrieval.seal.leg import INDEX_FILE


@dataclass(frozen=True, slots=True)
class BeamsSpeed:
    """What one number of beams costs."""

    latency: Latency
    work: Work
    throughput: Throughput


@dataclass(frozen=True, slots=True)
class SealSpeed:
    """What `skerry bench seal` measures.

    Attributes:
        model, adapter: the language model's name, and the folder of its adapter or "none".
        tokens, index_bytes: of the FM-index.
        questions: asked in each measurement.
        processors: that it ran on.
        open_seconds: of the FM-index's file.
        load_seconds: of the language model, with its adapter.
        first_seconds: of the first question after that.
        memory: with index and model served, after the questions at the most beams.
        by_beams: beams -> speed.
    """

    model: str
    adapter: str
    tokens: int
    index_bytes: int
    questions: int
    processors: int
    open_seconds: float
    load_seconds: float
    first_seconds: float
    memory: Memory
    by_beams: dict[int, BeamsSpeed]

    def json(self) -> dict[str, Any]:
        """JSON values, the sums that the table shows among them."""
        values = asdict(self)
        for beams, speed in self.by_beams.items():
            seconds = speed.work.seconds
            sums = {"index": seconds.index, "total": seconds.total}
            values["by_beams"][beams]["work"]["seconds"] |= sums
        return values


def speed(
    index: Index, questions: Sequence[str], beams: Sequence[int], processors: int, progress: Progress
) -> SealSpeed:
    """Measure the leg in this process, which should do nothing else: its memory is the process's.

    Args:
        index: opened; its other legs stay closed.
        questions: at least one.
        beams: numbers of beams, ascending.
        processors: what the process may use, as the report tells it.
        progress: counts questions.
    """
    folder, model = index.files_of(LEG)
    assert model is not None
    adapter = adapter_of(index)
    start = time.perf_counter()
    text_index = fm_index.open(folder / INDEX_FILE)
    open_seconds = time.perf_counter() - start
    tokens, index_bytes = text_index.tokens, text_index.size_bytes
    retriever = index.retriever(LEG)
    start = time.perf_counter()
    parts = open_parts(index, adapter)
    load_seconds = time.perf_counter() - start
    start = time.perf_counter()
    ask(retriever, questions[:1], beams[0])
    first_seconds = time.perf_counter() - start
    rounds = len(rounds_of(questions))
    latencies: dict[int, Latency] = {}
    throughputs: dict[int, Throughput] = {}
    works: dict[int, Work] = {}
    with progress.task("latency", len(beams) * len(questions), "questions") as task:
        for number in beams:
            latencies[number] = latency(retriever, questions, number, task)
    with progress.task("together", len(beams) * rounds, "rounds") as task:
        for number in beams:
            throughputs[number] = throughput(retriever, questions, number, task)
    # Before the profile, whose own memory of passages is not the leg's.
    held = memory()
    with progress.task("profile", len(beams) * len(questions), "questions") as task:
        for number in beams:
            works[number] = profile(parts, index.passages, questions, number, task)
    return SealSpeed(
        model=model.name,
        adapter="none" if adapter is None else str(adapter.folder),
        tokens=tokens,
        index_bytes=index_bytes,
        questions=len(questions),
        processors=processors,
        open_seconds=open_seconds,
        load_seconds=load_seconds,
        first_seconds=first_seconds,
        memory=held,
        by_beams={
            number: BeamsSpeed(latencies[number], works[number], throughputs[number]) for number in beams
        },
    )
